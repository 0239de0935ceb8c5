//! Tokens that were tampered with, one by one, against a box in use.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};

use super::*;
use crate::access::accounts::store;

/// What stands in a part of a token.
fn part(token: &str, at: usize) -> Value {
    let bytes = URL_SAFE_NO_PAD.decode(token.split('.').nth(at).unwrap()).unwrap();
    serde_json::from_slice(&bytes).unwrap()
}

fn written(value: &Value) -> String {
    URL_SAFE_NO_PAD.encode(value.to_string())
}

/// A good token and what it takes to make bad ones of it.
struct Forge {
    good: String,
    header: Value,
    claims: Value,
    kid: String,
    secret: Vec<u8>,
}

type Forged = (&'static str, String);

impl Forge {
    /// Signs with the true key: what only header or claims can be refused for.
    fn signed(&self, change: impl FnOnce(&mut Header, &mut Value)) -> String {
        let mut header = self.named();
        let mut claims = self.claims.clone();
        change(&mut header, &mut claims);
        encode(&header, &claims, &EncodingKey::from_secret(&self.secret)).unwrap()
    }

    /// Signs with another secret under the true key's name.
    fn signed_with(&self, secret: &[u8]) -> String {
        encode(&self.named(), &self.claims, &EncodingKey::from_secret(secret)).unwrap()
    }

    fn named(&self) -> Header {
        Header { kid: Some(self.kid.clone()), ..Header::new(Algorithm::HS256) }
    }

    fn with_kid(&self, kid: &str) -> String {
        self.signed(|header, _| header.kid = Some(kid.to_owned()))
    }

    fn with_claim(&self, name: &str, value: Value) -> String {
        self.signed(|_, claims| claims[name] = value)
    }

    fn without_claim(&self, name: &str) -> String {
        self.signed(|_, claims| drop(claims.as_object_mut().unwrap().remove(name)))
    }

    fn parts(&self) -> Vec<&str> {
        self.good.split('.').collect()
    }

    /// Another header, the rest as it was.
    fn with_header(&self, name: &str, value: Value) -> String {
        let mut header = self.header.clone();
        header[name] = value;
        format!("{}.{}.{}", written(&header), self.parts()[1], self.parts()[2])
    }

    /// Other claims, the rest as it was.
    fn with_payload(&self, name: &str, value: Value) -> String {
        let mut claims = self.claims.clone();
        claims[name] = value;
        format!("{}.{}.{}", self.parts()[0], written(&claims), self.parts()[2])
    }

    /// Algorithms and keys.
    fn by_header(&self) -> Vec<Forged> {
        let none = self.with_header("alg", json!("none"));
        let unsigned = format!("{}.", none.rsplit_once('.').unwrap().0);
        let foreign = {
            let mut own = Header { kid: Some("mine".into()), ..Header::new(Algorithm::HS256) };
            own.jku = Some("https://203.0.113.9/keys".into());
            encode(&own, &self.claims, &EncodingKey::from_secret(b"mine")).unwrap()
        };
        vec![
            ("alg none", none),
            ("alg none, no signature", unsigned),
            ("alg none in capitals", self.with_header("alg", json!("NONE"))),
            ("another length of hash", self.signed(|header, _| header.alg = Algorithm::HS512)),
            ("public key algorithm", self.with_header("alg", json!("RS256"))),
            ("elliptic algorithm", self.with_header("alg", json!("ES256"))),
            ("no kid", self.signed(|header, _| header.kid = None)),
            ("unknown kid", self.with_kid("0199c0de-7a10-7c61-8f0e-5f3a4f1c2b7d")),
            ("kid as path", self.with_kid("../../../../dev/null")),
            ("kid as SQL", self.with_kid("x' UNION SELECT 'c4n4ry'; --")),
            ("kid with a zero", self.with_kid("x\u{0}y")),
            ("kid empty", self.with_kid("")),
            ("kid that is no text", self.with_header("kid", json!({"a": 1}))),
            ("key that comes along", foreign),
            ("signed with the key's name", self.signed_with(self.kid.as_bytes())),
            ("signed with nothing", self.signed_with(b"")),
        ]
    }

    /// Times, uses and persons.
    fn by_claims(&self) -> Vec<Forged> {
        let (now, somebody) = (noon().timestamp(), json!(uuid::Uuid::from_u128(1)));
        vec![
            ("not valid yet", self.with_claim("nbf", json!(now + 60))),
            ("expired", self.with_claim("exp", json!(now))),
            ("without an end", self.without_claim("exp")),
            ("end that is no number", self.with_claim("exp", json!("never"))),
            ("for the cookie", self.with_claim("aud", json!("luna-web"))),
            ("for others", self.with_claim("aud", json!("elsewhere"))),
            ("for nobody", self.without_claim("aud")),
            ("from others", self.with_claim("iss", json!("elsewhere"))),
            ("of another person", self.with_claim("sub", somebody.clone())),
            ("of no session", self.with_claim("sid", somebody.clone())),
            ("claims changed", self.with_payload("role", json!("admin"))),
            ("person changed", self.with_payload("sub", somebody)),
            ("oversized", self.with_claim("more", json!("x".repeat(8_000)))),
        ]
    }

    /// Cut, doubled, no token at all.
    fn by_form(&self) -> Vec<Forged> {
        let (good, parts) = (&self.good, self.parts());
        vec![
            ("signature cut", format!("{}.{}.{}", parts[0], parts[1], &parts[2][..20])),
            ("signature gone", format!("{}.{}.", parts[0], parts[1])),
            ("two parts", format!("{}.{}", parts[0], parts[1])),
            ("four parts", format!("{good}.{}", parts[2])),
            ("empty", String::new()),
            ("not of our letters", "ä.ö.ü".to_owned()),
        ]
    }
}

#[tokio::test]
async fn no_token_but_a_good_one_opens() {
    let this = Luna::new().await;
    let tokens = this.user("anna", Role::Viewer).await;
    let good = tokens.access_token.expose_secret().to_owned();
    let (header, claims) = (part(&good, 0), part(&good, 1));
    let mut conn = this.db.db().conn().await.unwrap();
    let secret = store::signing_keys(&mut conn).await.unwrap().remove(0).secret;
    let kid = header["kid"].as_str().unwrap().to_owned();
    let forge = Forge { good: good.clone(), header, claims, kid, secret };
    let own = this.by_bearer(&forge.signed(|_, _| {}).into()).await;
    assert!(own.is_ok(), "the table signs as we do");
    let out = this.accounts.login("anna", PASSWORD.into(), "").await.unwrap();
    let who = this.by_bearer(&out.access_token).await.unwrap();
    this.accounts.logout(&who).await.unwrap();

    let mut table = forge.by_header();
    table.extend(forge.by_claims());
    table.extend(forge.by_form());
    table.push(("after logging out", out.access_token.expose_secret().to_owned()));
    table.push(("the refresh token", tokens.refresh_token.expose_secret().to_owned()));
    for (what, token) in &table {
        let refusal = this.by_bearer(&token.clone().into()).await;
        let refusal = refusal.map_err(|problem| (problem.document().status, problem.to_string()));
        let (status, told) = refusal.expect_err(what);
        assert_eq!(status, 401, "{what}");
        assert!(!told.contains("c4n4ry") && !told.contains("kid"), "{what}: {told}");
    }
    assert!(this.by_bearer(&good.into()).await.is_ok());
    println!("{} tokens were refused", table.len());
}
