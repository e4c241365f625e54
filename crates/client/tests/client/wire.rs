//! What else can happen on a real socket.
