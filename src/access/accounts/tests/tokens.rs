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

#[tokio::test]
async fn no_token_but_a_good_one_opens() {
    let this = Luna::new().await;
    let tokens = this.user("anna", Role::Viewer).await;
    let good = tokens.access_token.expose_secret().to_owned();
    let parts: Vec<&str> = good.split('.').collect();
    let (header, claims) = (part(&good, 0), part(&good, 1));
    let mut conn = this.db.db().conn().await.unwrap();
    let secret = store::signing_keys(&mut conn).await.unwrap().remove(0).secret;
    let kid = header["kid"].as_str().unwrap().to_owned();
    // Signs with the true key: what only the claims can be refused for.
    let signed = |change: &dyn Fn(&mut Header, &mut Value)| {
        let mut header = Header { kid: Some(kid.clone()), ..Header::new(Algorithm::HS256) };
        let mut claims = claims.clone();
        change(&mut header, &mut claims);
        encode(&header, &claims, &EncodingKey::from_secret(&secret)).unwrap()
    };
    let with_header = |change: &dyn Fn(&mut Value)| {
        let mut header = header.clone();
        change(&mut header);
        format!("{}.{}.{}", written(&header), parts[1], parts[2])
    };
    let with_kid = |name: &str| {
        let name = name.to_owned();
        signed(&move |header: &mut Header, _: &mut Value| header.kid = Some(name.clone()))
    };
    let now = noon().timestamp();
    let mut admin = claims.clone();
    admin["role"] = json!("admin");
    let mut other = claims.clone();
    other["sub"] = json!(uuid::Uuid::from_u128(1));
    let out = this.accounts.login("anna", PASSWORD.into(), "").await.unwrap();
    let who = this.by_bearer(&out.access_token).await.unwrap();
    this.accounts.logout(&who).await.unwrap();

    assert!(this.by_bearer(&signed(&|_, _| {}).into()).await.is_ok(), "the table's own signature");
    let table = [
        ("alg none", with_header(&|it| it["alg"] = json!("none"))),
        ("alg none, no signature", {
            let mut none = header.clone();
            none["alg"] = json!("none");
            format!("{}.{}.", written(&none), parts[1])
        }),
        ("alg None in capitals", with_header(&|it| it["alg"] = json!("NONE"))),
        ("another length of hash", signed(&|header, _| header.alg = Algorithm::HS512)),
        ("public key algorithm", with_header(&|it| it["alg"] = json!("RS256"))),
        ("elliptic algorithm", with_header(&|it| it["alg"] = json!("ES256"))),
        ("no kid", signed(&|header, _| header.kid = None)),
        ("unknown kid", with_kid("0199c0de-7a10-7c61-8f0e-5f3a4f1c2b7d")),
        ("kid as path", with_kid("../../../../dev/null")),
        ("kid as SQL", with_kid("x' UNION SELECT 'c4n4ry'; --")),
        ("kid with a zero", with_kid("x\u{0}y")),
        ("kid empty", with_kid("")),
        ("kid that is no text", with_header(&|it| it["kid"] = json!({"a": 1}))),
        ("key that comes along", {
            let mut own = Header { kid: Some("mine".into()), ..Header::new(Algorithm::HS256) };
            own.jku = Some("https://203.0.113.9/keys".into());
            encode(&own, &claims, &EncodingKey::from_secret(b"mine")).unwrap()
        }),
        ("signed with the key's name", {
            let header = Header { kid: Some(kid.clone()), ..Header::new(Algorithm::HS256) };
            encode(&header, &claims, &EncodingKey::from_secret(kid.as_bytes())).unwrap()
        }),
        ("signed with nothing", {
            let header = Header { kid: Some(kid.clone()), ..Header::new(Algorithm::HS256) };
            encode(&header, &claims, &EncodingKey::from_secret(b"")).unwrap()
        }),
        ("not valid yet", signed(&|_, it| it["nbf"] = json!(now + 60))),
        ("expired", signed(&|_, it| it["exp"] = json!(now))),
        ("without an end", signed(&|_, it| drop(it.as_object_mut().unwrap().remove("exp")))),
        ("end that is no number", signed(&|_, it| it["exp"] = json!("never"))),
        ("for the cookie", signed(&|_, it| it["aud"] = json!("luna-web"))),
        ("for others", signed(&|_, it| it["aud"] = json!("elsewhere"))),
        ("for nobody", signed(&|_, it| drop(it.as_object_mut().unwrap().remove("aud")))),
        ("from others", signed(&|_, it| it["iss"] = json!("elsewhere"))),
        ("of another person", signed(&|_, it| it["sub"] = json!(uuid::Uuid::from_u128(1)))),
        ("of no session", signed(&|_, it| it["sid"] = json!(uuid::Uuid::from_u128(1)))),
        ("claims changed", format!("{}.{}.{}", parts[0], written(&admin), parts[2])),
        ("person changed", format!("{}.{}.{}", parts[0], written(&other), parts[2])),
        ("signature cut", format!("{}.{}.{}", parts[0], parts[1], &parts[2][..20])),
        ("signature gone", format!("{}.{}.", parts[0], parts[1])),
        ("two parts", format!("{}.{}", parts[0], parts[1])),
        ("four parts", format!("{good}.{}", parts[2])),
        ("oversized", signed(&|_, it| it["more"] = json!("x".repeat(8_000)))),
        ("after logging out", out.access_token.expose_secret().to_owned()),
        ("the refresh token", tokens.refresh_token.expose_secret().to_owned()),
        ("empty", String::new()),
        ("not of our letters", "ä.ö.ü".to_owned()),
    ];
    for (what, token) in &table {
        // A second later: nothing rests on what was seen a moment ago.
        let refusal = this.by_bearer(&token.clone().into()).await;
        let refusal = refusal.map_err(|problem| (problem.document().status, problem.to_string()));
        let (status, told) = refusal.expect_err(what);
        assert_eq!(status, 401, "{what}");
        assert!(!told.contains("c4n4ry") && !told.contains("kid"), "{what}: {told}");
    }
    assert!(this.by_bearer(&good.into()).await.is_ok());
    println!("{} tokens were refused", table.len());
}
