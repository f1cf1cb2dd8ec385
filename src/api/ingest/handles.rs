//! The handles of one bulk stream: small numbers for drivers.
//!
//! Keys are apart from what is needed only when a driver has to be made known again, so that
//! the hot path touches four bytes a row. A gateway keeps its stream open for as long as it runs,
//! so that what a handle takes is taken once for each driver and stream: 24 bytes beside the id.

use crate::api::convert;
use crate::api::door::Door;
use crate::api::proto::{self, BindRejectReason};
use crate::ids::{DriverId, MAX_ID_BYTES};
use crate::index::prefetch;
use crate::limits;
use crate::model::{DriverKey, DriverStatus, Profile};
use crate::units::Timestamp;

/// What a stream's handles mean.
#[derive(Debug, Default)]
pub(super) struct HandleTable {
    /// [`DriverKey::NOBODY`] where no driver is bound.
    keys: Vec<DriverKey>,
    cold: Vec<Cold>,
    ids: String,
    bound: u32,
}

/// What is needed to make a driver known again.
#[derive(Clone, Copy, Debug, Default)]
struct Cold {
    /// Where the id begins; [`limits::MAX_HANDLES`] of them are far from 4 GB.
    start: u32,
    /// How long it is, in bytes; 0 where no driver is bound.
    length: u8,
    status: Option<DriverStatus>,
    /// Whether the client told a profile, and which: an `Option` would take four bytes more.
    described: bool,
    profile: Profile,
}

impl Cold {
    fn profile(&self) -> Option<Profile> {
        self.described.then_some(self.profile)
    }
}

const _: () = assert!(size_of::<Cold>() <= 20 && MAX_ID_BYTES <= u8::MAX as usize);

impl HandleTable {
    /// How many handles are bound.
    pub(super) fn bound(&self) -> u32 {
        self.bound
    }

    /// The driver behind a handle.
    #[inline]
    pub(super) fn key(&self, handle: u32) -> Option<DriverKey> {
        self.keys.get(handle as usize).copied().filter(|&key| key != DriverKey::NOBODY)
    }

    /// Asks for what [`Self::key`] will read: in a large fleet it is a cache miss.
    #[inline]
    pub(super) fn expect(&self, handle: u32) {
        if let Some(key) = self.keys.get(handle as usize) {
            prefetch(key);
        }
    }

    /// The id behind a handle.
    pub(super) fn id(&self, handle: u32) -> Option<DriverId> {
        self.text(handle)?.parse().ok()
    }

    fn text(&self, handle: u32) -> Option<&str> {
        let cold = self.cold.get(handle as usize)?;
        let start = cold.start as usize;
        self.ids.get(start..start + usize::from(cold.length)).filter(|text| !text.is_empty())
    }

    /// Remembers the status that a driver was last given.
    #[inline]
    pub(super) fn note_status(&mut self, handle: u32, status: DriverStatus) {
        if let Some(cold) = self.cold.get_mut(handle as usize) {
            cold.status = Some(status);
        }
    }

    /// Binds a handle as a message asks, or says why not.
    pub(super) fn bind(
        &mut self,
        door: &Door,
        now: Timestamp,
        binding: &proto::HandleBinding,
    ) -> Result<(), proto::BindRejection> {
        let handle = binding.handle;
        let refuse = |reason: BindRejectReason, detail: String| proto::BindRejection {
            handle,
            reason: reason.into(),
            detail,
        };
        let id = convert::driver_id(&binding.driver_id)
            .map_err(|e| refuse(BindRejectReason::BadDriverId, e.detail))?;
        let bad_value = |e: convert::FieldError| refuse(BindRejectReason::BadValue, e.detail);
        let profile =
            binding.profile.as_ref().map(convert::profile).transpose().map_err(bad_value)?;
        let status = convert::optional_status(binding.status);
        match self.text(handle) {
            Some(known) if known != id.as_str() => {
                let detail = format!("handle {handle} is bound to driver {known:?}");
                return Err(refuse(BindRejectReason::HandleTaken, detail));
            }
            Some(_) => {}
            None => {
                let end = limits::MAX_HANDLES.min(self.bound.saturating_add(limits::HANDLE_SLACK));
                if handle >= end {
                    let detail = format!("handle {handle} is not in 0..{end}");
                    return Err(refuse(BindRejectReason::BadHandle, detail));
                }
            }
        }
        let key = door
            .map
            .bind(now, &id)
            .map_err(|e| refuse(BindRejectReason::MapFull, e.to_string()))?;
        self.keep(handle, key, &id);
        let cold = &mut self.cold[handle as usize];
        if let Some(profile) = profile {
            (cold.described, cold.profile) = (true, profile);
        }
        cold.status = status.or(cold.status);
        door.introduce(&id, key, profile, status);
        Ok(())
    }

    /// Makes the driver of a bound handle known again after it was forgotten.
    pub(super) fn rebind(&mut self, door: &Door, now: Timestamp, handle: u32) -> Option<DriverKey> {
        let id = self.id(handle)?;
        let key = door.map.bind(now, &id).ok()?;
        let cold = self.cold.get(handle as usize)?;
        door.introduce(&id, key, cold.profile(), cold.status);
        *self.keys.get_mut(handle as usize)? = key;
        Some(key)
    }

    fn keep(&mut self, handle: u32, key: DriverKey, id: &DriverId) {
        let place = handle as usize;
        if place >= self.keys.len() {
            self.keys.resize(place + 1, DriverKey::NOBODY);
            self.cold.resize(place + 1, Cold::default());
        }
        if self.keys[place] == DriverKey::NOBODY {
            self.bound += 1;
            let text = id.as_str();
            let start = u32::try_from(self.ids.len());
            let Ok(start) = start else { unreachable!("MAX_HANDLES ids have less than 4 GB") };
            self.ids.push_str(text);
            // At most 64.
            let length = u8::try_from(text.len()).unwrap_or(u8::MAX);
            self.cold[place] = Cold { start, length, ..Cold::default() };
        }
        self.keys[place] = key;
    }
}
