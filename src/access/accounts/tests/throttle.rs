//! Wrong passwords over HTTP and through the service: the same for everybody, and never for ever.

use super::*;

#[tokio::test]
async fn five_wrong_passwords_make_a_pause_known_or_not() {
    let this = Luna::new().await;
    this.user("anna", Role::Viewer).await;
    for login in ["anna", "nobody", "an na\u{7}"] {
        let mut told = Vec::new();
        for _ in 0..5 {
            let refused = this.accounts.login(login, "wrong one".into(), "").await;
            let Err(AccountsError::WrongCredentials(tries)) = refused else {
                panic!("{login}: {refused:?}")
            };
            told.push((tries.left, tries.pause.num_minutes()));
        }
        assert_eq!(told, [(4, 5), (3, 5), (2, 5), (1, 5), (0, 5)], "{login}");
        // The right password does not help during the pause, and asking does not prolong it.
        this.later(Duration::minutes(4));
        let refused = this.accounts.login(login, PASSWORD.into(), "").await;
        let Err(AccountsError::TooManyTries { wait }) = refused else { panic!("{refused:?}") };
        assert_eq!(wait, Duration::minutes(1), "{login}");
    }
    this.later(Duration::minutes(1));
    assert!(this.accounts.login("anna", PASSWORD.into(), "").await.is_ok());
    // Whoever logged in starts anew.
    let refused = this.accounts.login("anna", "wrong one".into(), "").await;
    assert!(matches!(refused, Err(AccountsError::WrongCredentials(tries)) if tries.left == 4));
}

#[tokio::test]
async fn many_at_once_count_as_many_in_whichever_process() {
    let this = Luna::new().await;
    this.user("anna", Role::Viewer).await;
    let processes = [this.accounts.clone(), this.twin(), this.twin()];
    let attempts = (0..12).map(|at| {
        let accounts = processes[at % 3].clone();
        async move { accounts.login("anna", "wrong one".into(), "").await }
    });
    let answers = futures_util::future::join_all(attempts).await;
    let looked_at = answers
        .iter()
        .filter(|answer| matches!(answer, Err(AccountsError::WrongCredentials(_))))
        .count();
    assert_eq!(looked_at, 5, "{answers:?}");
}

#[actix_web::test]
async fn over_http_a_pause_says_how_long_and_other_addresses_are_free() {
    let this = Luna::new().await;
    this.user("anna", Role::Viewer).await;
    let (app, _) = app!(this);
    let ask = async |peer: [u8; 4], password: &str| {
        let body = json!({"login": "anna", "password": password});
        let request = post("/api/auth/login", body).peer_addr((peer, 4711).into());
        call_service(&app, request.to_request()).await
    };
    let attacker = [203, 0, 113, 9];
    for _ in 0..5 {
        json(ask(attacker, "wrong one").await, 401).await;
    }
    let refusal = ask(attacker, PASSWORD).await;
    assert_eq!(refusal.headers().get("retry-after").unwrap(), "301");
    let refusal = json(refusal, 429).await;
    assert_eq!(refusal["type"], "/problems/too-many-requests");
    json(ask([192, 168, 1, 20], PASSWORD).await, 200).await;
}

#[actix_web::test]
async fn an_attack_from_many_addresses_does_not_lock_the_owner_out() {
    let this = Luna::new().await;
    this.user("anna", Role::Viewer).await;
    let (app, _) = app!(this);
    let ask = async |peer: [u8; 4], password: &str| {
        let body = json!({"login": "anna", "password": password});
        let request = post("/api/auth/login", body).peer_addr((peer, 4711).into());
        call_service(&app, request.to_request()).await.status().as_u16()
    };
    let home = [192, 168, 1, 20];
    assert_eq!(ask(home, PASSWORD).await, 200);
    for n in 0..25 {
        assert_eq!(ask([203, 0, 113, n], "wrong one").await, 401);
    }
    // Strangers have one try now, the owner at home has all of them, and one anywhere.
    assert_eq!(ask([203, 0, 113, 99], "wrong one").await, 401);
    assert_eq!(ask([203, 0, 113, 99], PASSWORD).await, 429);
    assert_eq!(ask([198, 51, 100, 7], PASSWORD).await, 200);
    for _ in 0..4 {
        assert_eq!(ask(home, "wrong one").await, 401);
    }
    assert_eq!(ask(home, PASSWORD).await, 200);
}

#[tokio::test]
async fn old_counts_are_removed_but_not_whose_address_it_was() {
    let this = Luna::new().await;
    this.user("anna", Role::Viewer).await;
    drop(this.accounts.login("nobody", "wrong one".into(), "").await);
    assert_eq!(this.accounts.remove_old_counts().await.unwrap(), 0);
    this.later(Duration::hours(25));
    // Three of the unknown login's pair, of the address, of the login; two of anna's are left over.
    assert_eq!(this.accounts.remove_old_counts().await.unwrap(), 4);
    this.later(Duration::days(90));
    assert_eq!(this.accounts.remove_old_counts().await.unwrap(), 1);
}
