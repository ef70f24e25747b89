//! Error codes (RFC 8489 §14.8, RFC 8656 §19, RFC 6062 §6.3, RFC 8445 §16.2).

/// The code of an error response, 300 to 699.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ErrorCode(u16);

impl ErrorCode {
    /// 300 Try Alternate.
    pub const TRY_ALTERNATE: Self = Self(300);
    /// 400 Bad Request.
    pub const BAD_REQUEST: Self = Self(400);
    /// 401 Unauthenticated.
    pub const UNAUTHENTICATED: Self = Self(401);
    /// 403 Forbidden.
    pub const FORBIDDEN: Self = Self(403);
    /// 420 Unknown Attribute.
    pub const UNKNOWN_ATTRIBUTE: Self = Self(420);
    /// 437 Allocation Mismatch.
    pub const ALLOCATION_MISMATCH: Self = Self(437);
    /// 438 Stale Nonce.
    pub const STALE_NONCE: Self = Self(438);
    /// 440 Address Family not Supported.
    pub const ADDRESS_FAMILY_NOT_SUPPORTED: Self = Self(440);
    /// 441 Wrong Credentials.
    pub const WRONG_CREDENTIALS: Self = Self(441);
    /// 442 Unsupported Transport Protocol.
    pub const UNSUPPORTED_TRANSPORT_PROTOCOL: Self = Self(442);
    /// 443 Peer Address Family Mismatch.
    pub const PEER_ADDRESS_FAMILY_MISMATCH: Self = Self(443);
    /// 446 Connection Already Exists.
    pub const CONNECTION_ALREADY_EXISTS: Self = Self(446);
    /// 447 Connection Timeout or Failure.
    pub const CONNECTION_TIMEOUT_OR_FAILURE: Self = Self(447);
    /// 486 Allocation Quota Reached.
    pub const ALLOCATION_QUOTA_REACHED: Self = Self(486);
    /// 487 Role Conflict.
    pub const ROLE_CONFLICT: Self = Self(487);
    /// 500 Server Error.
    pub const SERVER_ERROR: Self = Self(500);
    /// 508 Insufficient Capacity.
    pub const INSUFFICIENT_CAPACITY: Self = Self(508);

    /// The code `number`; `None` outside of 300 to 699.
    pub const fn new(number: u16) -> Option<Self> {
        match number {
            300..=699 => Some(Self(number)),
            _ => None,
        }
    }

    /// The number.
    pub const fn number(self) -> u16 {
        self.0
    }

    /// Reads ERROR-CODE's value: the code and its reason phrase.
    pub fn parse(value: &[u8]) -> Option<(Self, &str)> {
        let (&[_, _, class, number], reason) = value.split_first_chunk::<4>()?;
        let (class, number) = (class & 7, number);
        if !(3..=6).contains(&class) || number > 99 {
            return None;
        }
        let code = Self(u16::from(class) * 100 + u16::from(number));
        Some((code, std::str::from_utf8(reason).ok()?))
    }

    /// ERROR-CODE's value without a reason phrase. Peerline never sends one: an answer should not be larger
    /// than what it answers.
    pub(crate) fn value(self) -> [u8; 4] {
        let [class, number] = [self.0 / 100, self.0 % 100].map(|part| part.to_le_bytes()[0]);
        [0, 0, class, number]
    }
}
