//! How many connections there may be.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use hashbrown::HashMap;
use parking_lot::Mutex;

/// Bounds of the connections of a port.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct PlaceLimits {
    /// In all.
    pub(crate) all: usize,
    /// Of one address; 0 for no limit.
    pub(crate) per_address: usize,
}

/// The connections of a port, counted in all and per address.
#[derive(Debug)]
pub(crate) struct Places {
    limits: Mutex<PlaceLimits>,
    taken: AtomicUsize,
    refused: AtomicUsize,
    by_address: Mutex<HashMap<IpAddr, usize>>,
}

/// One connection's place; free again when it is dropped.
#[derive(Debug)]
pub(crate) struct Place {
    places: Arc<Places>,
    address: Option<IpAddr>,
}

impl Places {
    pub(crate) fn new(limits: PlaceLimits) -> Self {
        Self {
            limits: Mutex::new(limits),
            taken: AtomicUsize::new(0),
            refused: AtomicUsize::new(0),
            by_address: Mutex::default(),
        }
    }

    /// Changes the bounds for connections that come from now on.
    pub(crate) fn set_limits(&self, limits: PlaceLimits) {
        *self.limits.lock() = limits;
    }

    /// Connections now.
    pub(crate) fn taken(&self) -> usize {
        self.taken.load(Ordering::Relaxed)
    }

    /// Connections that found no place, since the start.
    pub(crate) fn refused(&self) -> usize {
        self.refused.load(Ordering::Relaxed)
    }

    /// A place for a connection from `peer`; `None` when there is none.
    pub(crate) fn take(self: &Arc<Self>, peer: SocketAddr) -> Option<Place> {
        let limits = *self.limits.lock();
        let place = self.try_take(peer, limits);
        if place.is_none() {
            self.refused.fetch_add(1, Ordering::Relaxed);
        }
        place
    }

    fn try_take(self: &Arc<Self>, peer: SocketAddr, limits: PlaceLimits) -> Option<Place> {
        // Counted first, so that the drop of the place puts it right whatever follows.
        let before = self.taken.fetch_add(1, Ordering::Relaxed);
        let mut place = Place { places: Arc::clone(self), address: None };
        if before >= limits.all {
            return None;
        }
        if limits.per_address > 0 {
            let address = neighbourhood(peer.ip());
            let mut by_address = self.by_address.lock();
            let count = by_address.entry(address).or_default();
            if *count >= limits.per_address {
                return None;
            }
            *count += 1;
            place.address = Some(address);
        }
        Some(place)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.places.taken.fetch_sub(1, Ordering::Relaxed);
        if let Some(address) = self.address {
            let mut by_address = self.places.by_address.lock();
            if let Some(count) = by_address.get_mut(&address) {
                *count -= 1;
                if *count == 0 {
                    by_address.remove(&address);
                }
            }
        }
    }
}

/// One customer of the network: an IPv4 address, or the /64 of an IPv6 one.
fn neighbourhood(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() & (u128::MAX << 64))),
        v4 @ IpAddr::V4(_) => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peer(address: &str) -> SocketAddr {
        SocketAddr::new(address.parse().unwrap(), 1)
    }

    #[test]
    fn places_are_bounded_in_all_and_per_address_and_come_back() {
        let places = Arc::new(Places::new(PlaceLimits { all: 3, per_address: 2 }));
        let a = places.take(peer("10.0.0.1")).unwrap();
        let b = places.take(peer("::ffff:10.0.0.1")).unwrap();
        assert!(places.take(peer("10.0.0.1")).is_none(), "both forms are one address");
        let c = places.take(peer("2001:db8::1")).unwrap();
        assert!(places.take(peer("10.0.0.9")).is_none(), "all are taken");
        assert_eq!((places.taken(), places.refused()), (3, 2));
        drop(a);
        let d = places.take(peer("2001:db8::ffff:2")).unwrap();
        drop((b, c, d));
        assert_eq!(places.taken(), 0);
        assert!(places.by_address.lock().is_empty());
    }

    #[test]
    fn without_a_limit_per_address_none_is_counted() {
        let places = Arc::new(Places::new(PlaceLimits { all: 2, per_address: 0 }));
        let held = [places.take(peer("10.0.0.1")), places.take(peer("10.0.0.1"))];
        assert!(held.iter().all(Option::is_some));
        assert!(places.by_address.lock().is_empty());
    }
}
