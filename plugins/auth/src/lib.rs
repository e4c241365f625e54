//! Who may connect, publish and subscribe: static tokens and permissions.
