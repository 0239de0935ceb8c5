//! Signing keys, and the tokens they sign (JWT, HS256).
//!
//! A token names its key; keys live in the database, so that all processes accept each other's
//! tokens, and are replaced once a month.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use chrono::{DateTime, Duration, Utc};
use jsonwebtoken::{
    Algorithm, DecodingKey, EncodingKey, Header, Validation, decode, decode_header,
};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::model::clock_put_back_max;
use crate::platform::web::Role;

/// Issuer of all tokens.
const ISSUER: &str = "luna";
/// Age at which a key is replaced.
pub(super) const ROTATION_DAYS: i64 = 30;
/// How far clocks of machines that share the database may differ.
const LEEWAY_S: i64 = 5;

/// What a token may be used for; a token of one kind is refused in the place of the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Audience {
    /// `Authorization: Bearer …`
    Api,
    /// The session cookie.
    Web,
}

impl Audience {
    const fn name(self) -> &'static str {
        match self {
            Self::Api => "luna-api",
            Self::Web => "luna-web",
        }
    }
}

/// What a token says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Claims {
    /// Who signed.
    pub(super) iss: String,
    /// For which use.
    pub(super) aud: String,
    /// Whose.
    pub(super) sub: Uuid,
    /// The session, which is looked up on every request.
    pub(super) sid: Uuid,
    /// Role at the time of signing, for readers of the token; rights come from the account.
    pub(super) role: String,
    /// Signed at, valid from, valid until: seconds since 1970.
    pub(super) iat: i64,
    pub(super) nbf: i64,
    pub(super) exp: i64,
}

impl Claims {
    pub(super) fn new(
        audience: Audience,
        (user_id, session_id, role): (Uuid, Uuid, Role),
        now: DateTime<Utc>,
        expires_at: DateTime<Utc>,
    ) -> Self {
        Self {
            iss: ISSUER.to_owned(),
            aud: audience.name().to_owned(),
            sub: user_id,
            sid: session_id,
            role: role.name().to_owned(),
            iat: now.timestamp(),
            nbf: now.timestamp(),
            exp: expires_at.timestamp(),
        }
    }
}

/// Why a token is refused. Callers hear one sentence for all of them.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum TokenError {
    /// Not one of our tokens, or changed on the way.
    #[error("the token is damaged, or not one of ours: {0}")]
    Invalid(String),
    /// Signed with a key that is not known.
    #[error("the token was signed with a key that is not known here")]
    UnknownKey,
    /// Used up.
    #[error("the token has expired")]
    Expired,
    /// From the future.
    #[error("the token is not valid yet")]
    NotYet,
}

/// A key.
#[derive(Clone)]
pub(super) struct SigningKey {
    pub(super) kid: String,
    pub(super) secret: Vec<u8>,
    pub(super) created_at: DateTime<Utc>,
}

impl SigningKey {
    /// A new key: 256 random bits.
    pub(super) fn generate(now: DateTime<Utc>) -> Self {
        let secret: [u8; 32] = rand::random();
        Self { kid: Uuid::now_v7().to_string(), secret: secret.to_vec(), created_at: now }
    }

    /// The token that says `claims`.
    pub(super) fn sign(&self, claims: &Claims) -> Result<SecretString, TokenError> {
        let header = Header { kid: Some(self.kid.clone()), ..Header::new(Algorithm::HS256) };
        jsonwebtoken::encode(&header, claims, &EncodingKey::from_secret(&self.secret))
            .map(SecretString::from)
            .map_err(|error| TokenError::Invalid(error.to_string()))
    }

    /// What `token` says, if this key signed it for `audience` and it is valid at `now`.
    pub(super) fn verify(
        &self,
        token: &str,
        audience: Audience,
        now: DateTime<Utc>,
    ) -> Result<Claims, TokenError> {
        let mut rules = Validation::new(Algorithm::HS256);
        rules.set_issuer(&[ISSUER]);
        rules.set_audience(&[audience.name()]);
        rules.set_required_spec_claims(&["exp", "nbf", "iss", "aud", "sub"]);
        // The library asks the machine for the time; ours comes from the clock.
        rules.validate_exp = false;
        rules.validate_nbf = false;
        let claims = decode::<Claims>(token, &DecodingKey::from_secret(&self.secret), &rules)
            .map_err(|error| TokenError::Invalid(error.to_string()))?
            .claims;
        let now = now.timestamp();
        if claims.exp <= now {
            return Err(TokenError::Expired);
        }
        if claims.nbf > now + LEEWAY_S {
            return Err(TokenError::NotYet);
        }
        Ok(claims)
    }
}

/// Name of the key that `token` claims to be signed with.
pub(super) fn key_name(token: &str) -> Result<String, TokenError> {
    let header = decode_header(token).map_err(|error| TokenError::Invalid(error.to_string()))?;
    header.kid.ok_or_else(|| TokenError::Invalid("it names no key".to_owned()))
}

/// The keys known to this process.
#[derive(Clone, Default)]
pub(super) struct KeyRing(Arc<Mutex<Keys>>);

#[derive(Default)]
struct Keys {
    known: HashMap<String, SigningKey>,
    loaded_at: Option<DateTime<Utc>>,
}

impl KeyRing {
    /// The key of this name.
    pub(super) fn named(&self, kid: &str) -> Option<SigningKey> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).known.get(kid).cloned()
    }

    /// The key to sign with: the newest, unless it is due for replacement.
    pub(super) fn current(&self, now: DateTime<Utc>) -> Option<SigningKey> {
        let keys = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // A key from ahead was made before the clock was put back, and would never be replaced.
        let made = keys.known.values().filter(|key| key.created_at < now + clock_put_back_max());
        let newest = made.max_by_key(|key| (key.created_at, &key.kid))?;
        (now < newest.created_at + Duration::days(ROTATION_DAYS)).then(|| newest.clone())
    }

    /// Takes over what the database holds.
    pub(super) fn load(&self, keys: Vec<SigningKey>, now: DateTime<Utc>) {
        let mut ring = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        ring.known = keys.into_iter().map(|key| (key.kid.clone(), key)).collect();
        ring.loaded_at = Some(now);
    }

    /// Whether an unknown key is worth a look into the database: callers can invent names, so not
    /// more than once a second.
    pub(super) fn may_reload(&self, now: DateTime<Utc>) -> bool {
        let loaded_at = self.0.lock().unwrap_or_else(PoisonError::into_inner).loaded_at;
        loaded_at.is_none_or(|at| (now - at).abs() >= Duration::seconds(1))
    }
}

#[cfg(test)]
mod tests {
    use base64::Engine;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    use secrecy::ExposeSecret;
    use serde_json::json;

    use super::*;

    fn noon() -> DateTime<Utc> {
        "2026-03-01T12:00:00Z".parse().unwrap()
    }

    fn claims() -> Claims {
        let who = (Uuid::from_u128(1), Uuid::from_u128(2), Role::Analyst);
        Claims::new(Audience::Api, who, noon(), noon() + Duration::minutes(15))
    }

    fn signed(key: &SigningKey, claims: &Claims) -> String {
        key.sign(claims).unwrap().expose_secret().to_owned()
    }

    #[test]
    fn a_token_says_what_was_signed() {
        let key = SigningKey::generate(noon());
        let token = signed(&key, &claims());
        assert_eq!(key_name(&token).unwrap(), key.kid);
        assert_eq!(key.verify(&token, Audience::Api, noon()).unwrap(), claims());
    }

    #[test]
    fn tokens_end_to_the_second_and_do_not_begin_early() {
        let key = SigningKey::generate(noon());
        let token = signed(&key, &claims());
        let at = |seconds| key.verify(&token, Audience::Api, noon() + Duration::seconds(seconds));
        assert!(at(899).is_ok());
        assert_eq!(at(900), Err(TokenError::Expired));
        assert!(at(-5).is_ok());
        assert_eq!(at(-6), Err(TokenError::NotYet));
    }

    #[test]
    fn forged_tokens_are_refused() {
        let key = SigningKey::generate(noon());
        let other = SigningKey { kid: key.kid.clone(), ..SigningKey::generate(noon()) };
        let good = signed(&key, &claims());
        let parts: Vec<&str> = good.split('.').collect();
        let encoded = |value: serde_json::Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let none = encoded(json!({"alg": "none", "typ": "JWT", "kid": key.kid}));
        let hs512 = encoded(json!({"alg": "HS512", "typ": "JWT", "kid": key.kid}));
        let rs256 = encoded(json!({"alg": "RS256", "typ": "JWT", "kid": key.kid}));
        let mut admin = serde_json::to_value(claims()).unwrap();
        admin["role"] = json!("admin");
        for (what, token) in [
            ("alg none", format!("{none}.{}.", parts[1])),
            ("alg none, signature kept", format!("{none}.{}.{}", parts[1], parts[2])),
            ("another length of hash", format!("{hs512}.{}.{}", parts[1], parts[2])),
            ("public key algorithm", format!("{rs256}.{}.{}", parts[1], parts[2])),
            ("claims changed", format!("{}.{}.{}", parts[0], encoded(admin), parts[2])),
            ("signed by another key", signed(&other, &claims())),
            ("another audience", signed(&key, &Claims { aud: "luna-web".into(), ..claims() })),
            ("another issuer", signed(&key, &Claims { iss: "sun".into(), ..claims() })),
            ("signature cut off", format!("{}.{}.", parts[0], parts[1])),
            ("no token", "x".into()),
            ("empty", String::new()),
        ] {
            let verdict = key.verify(&token, Audience::Api, noon());
            assert!(matches!(verdict, Err(TokenError::Invalid(_))), "{what}: {verdict:?}");
        }
    }

    #[test]
    fn a_token_without_an_end_is_refused() {
        let key = SigningKey::generate(noon());
        for missing in ["exp", "nbf", "sub", "aud", "iss", "sid"] {
            let mut claims = serde_json::to_value(claims()).unwrap();
            claims.as_object_mut().unwrap().remove(missing);
            let header = Header { kid: Some(key.kid.clone()), ..Header::new(Algorithm::HS256) };
            let secret = EncodingKey::from_secret(&key.secret);
            let token = jsonwebtoken::encode(&header, &claims, &secret).unwrap();
            assert!(key.verify(&token, Audience::Api, noon()).is_err(), "{missing}");
        }
    }

    #[test]
    fn the_newest_key_signs_until_it_is_a_month_old() {
        let ring = KeyRing::default();
        assert!(ring.may_reload(noon()) && ring.current(noon()).is_none());
        let old = SigningKey::generate(noon() - Duration::days(40));
        let new = SigningKey::generate(noon());
        ring.load(vec![old.clone(), new.clone()], noon());
        assert_eq!(ring.current(noon()).unwrap().kid, new.kid);
        assert!(ring.named(&old.kid).is_some() && ring.named("x").is_none());
        assert!(ring.current(noon() + Duration::days(30)).is_none());
        assert!(!ring.may_reload(noon()) && ring.may_reload(noon() + Duration::seconds(1)));
    }
}
