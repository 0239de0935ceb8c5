//! Functions of PostgreSQL that the query builder does not bring.

use diesel::define_sql_function;
use diesel::sql_types::{Nullable, Timestamptz};

define_sql_function! {
    /// The later of two instants; of one alone that one. What a machine's clock tells may lie before
    /// what it told earlier, and a table in which things end before they begin helps nobody.
    #[sql_name = "greatest"]
    fn later_of(one: Nullable<Timestamptz>, other: Nullable<Timestamptz>) -> Nullable<Timestamptz>;
}
