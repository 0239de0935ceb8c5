//! `schema.rs` says what the migrations leave.

use std::collections::{BTreeMap, BTreeSet};

use super::lines;
use crate::testing::TestDb;

/// The columns of `table! { name (keys) { column -> Type, … } }`, with the key, as one line each.
fn columns_of_file(text: &str) -> BTreeMap<String, BTreeSet<String>> {
    let mut tables = BTreeMap::new();
    for block in text.split("diesel::table! {").skip(1) {
        let (head, body) = block.split_once('{').unwrap();
        let (name, keys) = head.trim().split_once(" (").unwrap();
        let columns = body.split('}').next().unwrap().lines();
        let columns = columns.map(|line| line.trim().trim_end_matches(','));
        let mut columns: BTreeSet<String> = columns
            .filter(|line| line.contains("->"))
            .map(|line| line.replace("type_ ", "type "))
            .collect();
        let keys: BTreeSet<&str> = keys.trim_end_matches(')').split(", ").collect();
        columns.insert(format!("key {keys:?}"));
        tables.insert(name.to_owned(), columns);
    }
    tables
}

/// The diesel type of a column as PostgreSQL names it.
fn diesel_type(udt_name: &str, is_nullable: bool) -> String {
    let plain = match udt_name {
        "uuid" => "Uuid",
        "text" => "Text",
        "timestamptz" => "Timestamptz",
        "int2" => "Int2",
        "int4" => "Int4",
        "int8" => "Int8",
        "float8" => "Double",
        "bool" => "Bool",
        "jsonb" => "Jsonb",
        "date" => "Date",
        "bytea" => "Bytea",
        "_float4" => "Array<Float4>",
        "_text" => "Array<Text>",
        other => panic!("schema.rs has no word for {other} yet"),
    };
    if is_nullable { format!("Nullable<{plain}>") } else { plain.to_owned() }
}

#[actix_web::test]
async fn schema_file_equals_the_migrated_database() {
    let test = TestDb::new().await;
    let columns = "SELECT concat_ws(' ', table_name, column_name, udt_name, is_nullable) AS line \
         FROM information_schema.columns \
         WHERE table_schema = 'public' AND table_name NOT LIKE '\\_\\_diesel%'";
    let mut tables: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for line in lines(test.db(), columns).await {
        let [table, column, udt_name, is_nullable] =
            line.split(' ').collect::<Vec<_>>().try_into().unwrap();
        let column = format!("{column} -> {}", diesel_type(udt_name, is_nullable == "YES"));
        tables.entry(table.to_owned()).or_default().insert(column);
    }
    let keys = "SELECT conrelid::regclass || ' ' || string_agg(attname, ' ') AS line \
         FROM pg_constraint JOIN pg_attribute ON attrelid = conrelid AND attnum = ANY (conkey) \
         WHERE contype = 'p' AND connamespace = 'public'::regnamespace \
         AND conrelid::regclass::text NOT LIKE '\\_\\_diesel%' GROUP BY conrelid";
    for line in lines(test.db(), keys).await {
        let mut words = line.split(' ');
        let table = words.next().unwrap();
        let keys: BTreeSet<&str> = words.collect();
        tables.get_mut(table).unwrap().insert(format!("key {keys:?}"));
    }
    assert_eq!(columns_of_file(include_str!("../schema.rs")), tables);
}
