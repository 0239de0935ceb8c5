//! Who made a bundle: Ed25519 (RFC 8032) over the hashes of its parts.

use std::fmt;

use ring::rand::SystemRandom;
use ring::signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey};
use serde::{Deserialize, Serialize};

use super::bundle::Fault;
use crate::platform::objects::sha256_hex;

/// What is signed begins so, so that a signature of something else is none of a bundle.
const SUBJECT: &str = "luna-bundle-1";

/// The signature as it stands in the archive.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(clippy::struct_field_names, reason = "the file and what it holds are called alike")]
pub(super) struct Signature {
    /// How it was made: `ed25519`.
    pub algorithm: String,
    /// Public key of whoever signed, 64 hexadecimal digits.
    pub public_key: String,
    /// The signature, 128 hexadecimal digits.
    pub signature: String,
}

/// What a signature is over: the hashes of all parts, in their order.
pub(super) fn subject(manifest: &[u8], golden: &[u8], model: &[u8]) -> String {
    let [manifest, golden, model] = [manifest, golden, model].map(sha256_hex);
    format!("{SUBJECT}\n{manifest}\n{golden}\n{model}\n")
}

/// Whether `text` is a public key as it is written in settings and answers.
pub(super) fn is_public_key(text: &str) -> bool {
    text.len() == 64 && hex::decode(text).is_ok()
}

impl Signature {
    /// Checks the signature; answers the public key in lower case.
    pub fn verified(&self, subject: &str) -> Result<String, Fault> {
        let fault = |field: &str, what: &str| Fault::new(format!("signature.{field}"), what);
        if self.algorithm != "ed25519" {
            return Err(fault("algorithm", "only ed25519 is known"));
        }
        if !is_public_key(&self.public_key) {
            return Err(fault("public_key", "write 64 hexadecimal digits"));
        }
        let of = |text: &str| hex::decode(text).unwrap_or_default();
        let key = UnparsedPublicKey::new(&ED25519, of(&self.public_key));
        let fits = key.verify(subject.as_bytes(), &of(&self.signature));
        fits.map_err(|_| {
            let what = "it does not fit: the bundle was changed after it was signed, or another key \
                        signed it";
            fault("signature", what)
        })?;
        Ok(self.public_key.to_ascii_lowercase())
    }
}

/// The key of this installation.
pub(super) struct BundleKey(Ed25519KeyPair);

impl fmt::Debug for BundleKey {
    /// Without the secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("BundleKey").field(&self.public_key()).finish()
    }
}

/// A key that cannot be made, or is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the key for bundles cannot be used")]
pub struct BadKey;

impl BundleKey {
    /// A new key, as it is stored (PKCS #8, RFC 8410).
    pub fn generate() -> Result<Vec<u8>, BadKey> {
        let document = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new());
        document.map(|document| document.as_ref().to_vec()).map_err(|_| BadKey)
    }

    /// The key that was stored.
    pub fn read(stored: &[u8]) -> Result<Self, BadKey> {
        Ed25519KeyPair::from_pkcs8(stored).map(Self).map_err(|_| BadKey)
    }

    /// What others know it by.
    pub fn public_key(&self) -> String {
        hex::encode(self.0.public_key())
    }

    /// The signature of a subject.
    pub fn sign(&self, subject: &str) -> Signature {
        Signature {
            algorithm: "ed25519".to_owned(),
            public_key: self.public_key(),
            signature: hex::encode(self.0.sign(subject.as_bytes())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_holds_for_its_parts_alone() {
        let key = BundleKey::read(&BundleKey::generate().unwrap()).unwrap();
        let about = subject(b"manifest", b"golden", b"model");
        let signed = key.sign(&about);
        assert_eq!(signed.verified(&about), Ok(key.public_key()));
        let parts: [[&[u8]; 3]; 4] = [
            [b"Manifest", b"golden", b"model"],
            [b"manifest", b"Golden", b"model"],
            [b"manifest", b"golden", b"Model"],
            [b"golden", b"manifest", b"model"],
        ];
        for [manifest, golden, model] in parts {
            let refused = signed.verified(&subject(manifest, golden, model)).unwrap_err();
            assert_eq!(refused.field, "signature.signature");
        }
        let other = BundleKey::read(&BundleKey::generate().unwrap()).unwrap();
        let claimed = Signature { public_key: other.public_key(), ..signed.clone() };
        assert_eq!(claimed.verified(&about).unwrap_err().field, "signature.signature");
        let spoiled = |change: fn(&mut Signature)| {
            let mut spoiled = signed.clone();
            change(&mut spoiled);
            spoiled.verified(&about).unwrap_err().field
        };
        assert_eq!(spoiled(|it| it.algorithm = "rsa".into()), "signature.algorithm");
        assert_eq!(spoiled(|it| it.public_key.truncate(3)), "signature.public_key");
        assert_eq!(spoiled(|it| it.signature.clear()), "signature.signature");
        assert_eq!(BundleKey::read(b"no key").unwrap_err(), BadKey);
    }

    #[test]
    fn a_known_signature_of_the_standard_is_right() {
        // RFC 8032, section 7.1, test 2: one byte, 0x72, which is the letter r.
        let signature = Signature {
            algorithm: "ed25519".into(),
            public_key: "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c".into(),
            signature: "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da\
                        085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"
                .into(),
        };
        assert!(signature.verified("r").is_ok());
        assert!(signature.verified("s").is_err());
    }
}
