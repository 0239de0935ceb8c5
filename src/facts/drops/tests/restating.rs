//! Documents in any order: the last created counts, whichever came last, and one direction never
//! loses what the other said.

use super::documents::Sdat;
use super::*;
use crate::facts::drops::model::Outcome;

async fn assigned(watched: &Watched) {
    let drops = &watched.app.services.drops;
    let by = crate::access::audit::By::command();
    watched
        .take("first.xml", Sdat::new(HOUSE, &[9.0]).created("2026-11-19T01:00:00Z").text())
        .await;
    drops.assign(ROOF, HOUSE, &by).await.unwrap();
}

/// What a house takes, restated lower, and what its roof gives, restated higher; all of one meter.
fn documents() -> Vec<(&'static str, String)> {
    vec![
        ("a.xml", Sdat::new(HOUSE, &[1.0, 2.0]).created("2026-11-19T05:00:00Z").text()),
        ("b.xml", Sdat::new(HOUSE, &[0.5, 2.0]).created("2026-11-19T07:00:00Z").text()),
        ("c.xml", Sdat::new(ROOF, &[0.1, 0.2]).producing().created("2026-11-19T06:00:00Z").text()),
        ("d.xml", Sdat::new(ROOF, &[0.1, 0.3]).producing().created("2026-11-19T08:00:00Z").text()),
    ]
}

fn permutations(rest: &[usize]) -> Vec<Vec<usize>> {
    if rest.is_empty() {
        return vec![Vec::new()];
    }
    let mut all = Vec::new();
    for (place, first) in rest.iter().enumerate() {
        let mut others = rest.to_vec();
        others.remove(place);
        for mut tail in permutations(&others) {
            tail.insert(0, *first);
            all.push(tail);
        }
    }
    all
}

#[tokio::test]
async fn in_whatever_order_documents_come_the_readings_are_the_same() {
    // 0.5 kWh are 2 kW; 2 kWh are 8 kW; 0.1 and 0.3 kWh are 0.4 and 1.2 kW.
    let expected = [
        format!("{HOUSE} 2026-11-18 23:00 2 0.4 ok"),
        format!("{HOUSE} 2026-11-18 23:15 8 1.2 ok"),
    ];
    let documents = documents();
    let watched = Watched::new().await;
    assigned(&watched).await;
    let forget =
        ["dropped_files", "dropped_values", "smart_meter_readings", "meter_reading_revisions"];
    for order in permutations(&[0, 1, 2, 3]) {
        let mut conn = watched.app.services.db.conn().await.unwrap();
        for table in forget {
            sql_query(format!("DELETE FROM {table}")).execute(&mut conn).await.unwrap();
        }
        drop(conn);
        for place in &order {
            let (name, text) = &documents[*place];
            let file = watched.take(name, text.clone()).await;
            assert_ne!(file.outcome, Outcome::Failed, "{file:?}");
        }
        // A value that is said again keeps the instant at which it was known first, so that one
        // differs with the order; readings do not.
        let stored = lines(&watched.app.services.db, READINGS).await;
        let readings: Vec<&str> =
            stored.iter().filter_map(|line| line.rsplitn(3, ' ').nth(2)).collect();
        assert_eq!(readings, expected, "{order:?}");
    }
}

#[tokio::test]
async fn what_was_restated_is_counted_and_its_past_is_kept() {
    let watched = Watched::new().await;
    let [a, b, _, _]: [_; 4] = documents().try_into().unwrap();
    let first = watched.take(a.0, a.1.clone()).await;
    assert_eq!((first.outcome, first.counts.inserted), (Outcome::Stored, 2));
    let second = watched.take(b.0, b.1).await;
    // The value that is the same is known later from now on.
    assert_eq!(
        (second.outcome, second.counts.replaced, second.counts.rows_read),
        (Outcome::Stored, 1, 2)
    );
    let late = watched.take("late.xml", a.1.replace("DOC-1", "DOC-2")).await;
    assert_eq!((late.outcome, late.counts.replaced), (Outcome::Unchanged, 0));
    let past = "SELECT consumption_kw::text AS line FROM meter_reading_revisions";
    assert_eq!(lines(&watched.app.services.db, past).await, ["4"]);
}

#[tokio::test]
async fn one_side_may_be_missing_and_come_later() {
    let watched = Watched::new().await;
    assigned(&watched).await;
    let mut hole = Sdat::new(ROOF, &[0.1]).producing().created("2026-11-19T06:00:00Z");
    hole.values[0].1 = String::new();
    watched.take("hole.xml", hole.text()).await;
    let of_first = format!("{HOUSE} 2026-11-18 23:00 36 - ok 19 01:00");
    assert_eq!(lines(&watched.app.services.db, READINGS).await, [of_first]);
    let conditions = "SELECT direction || ' ' || quality AS line FROM dropped_values ORDER BY 1";
    assert_eq!(
        lines(&watched.app.services.db, conditions).await,
        ["consumption ok", "production missing"]
    );
    watched.take("c.xml", documents()[3].1.clone()).await;
    let lines = lines(&watched.app.services.db, READINGS).await;
    assert_eq!(lines[0], format!("{HOUSE} 2026-11-18 23:00 36 0.4 ok 19 08:00"));
}
