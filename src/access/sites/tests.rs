//! Who sees which site, on a real database.

use diesel_async::SimpleAsyncConnection;
use uuid::Uuid;

use super::Sites;
use super::service::SiteError;
use crate::base::timeline::Clock;
use crate::platform::web::{Principal, Role};
use crate::testing::TestDb;

#[actix_web::test]
async fn customers_see_their_own_site_and_others_all() {
    let test = TestDb::new().await;
    let sites =
        Sites::new(test.db().clone(), Clock::fixed("2026-03-01T12:00:00Z".parse().unwrap()));
    let (anna, other) = (Uuid::from_u128(7), Uuid::from_u128(99));
    let mut conn = test.db().conn().await.unwrap();
    let fill = format!(
        "INSERT INTO users (user_id) VALUES ('{anna}'); \
         INSERT INTO sites (site_id, name) VALUES ('{other}', 'Neighbour')"
    );
    conn.batch_execute(&fill).await.unwrap();
    let who =
        |role| Principal { user_id: anna, role, is_setup_guest: false, ..Principal::setup_guest() };
    let customer = who(Role::Customer);
    assert_eq!(sites.list(&customer, None, 10).await.unwrap(), []);
    for _ in 0..2 {
        sites.join_default(&mut conn, anna).await.unwrap();
    }
    let own = sites.list(&customer, None, 10).await.unwrap();
    let [home] = own.as_slice() else { panic!("{own:?}") };
    assert_eq!((home.name.as_str(), home.is_default), ("Home", true));
    assert_eq!(sites.get(&customer, home.site_id).await.unwrap(), *home);
    let hidden = sites.get(&customer, other).await;
    assert!(matches!(hidden, Err(SiteError::Unknown(id)) if id == other), "{hidden:?}");
    for role in [Role::Viewer, Role::Analyst, Role::Admin] {
        assert_eq!(sites.list(&who(role), None, 10).await.unwrap().len(), 2, "{role}");
        assert_eq!(sites.get(&who(role), other).await.unwrap().name, "Neighbour", "{role}");
    }
}
