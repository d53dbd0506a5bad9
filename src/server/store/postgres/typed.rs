//! The values of a statement that is not prepared, each with the type with which it is sent.

use tokio_postgres::types::{ToSql, Type, private::BytesMut};

use crate::server::store::StoreError;

/// The types that the values of our statements have.
const TYPES: [Type; 12] = [
    Type::INT8,
    Type::TEXT,
    Type::UUID,
    Type::BOOL,
    Type::BYTEA,
    Type::INT4,
    Type::TEXT_ARRAY,
    Type::INT8_ARRAY,
    Type::UUID_ARRAY,
    Type::BOOL_ARRAY,
    Type::BYTEA_ARRAY,
    Type::INT4_ARRAY,
];

/// A value, and the type with which it is sent.
pub(super) type Typed<'v> = (&'v (dyn ToSql + Sync), Type);

/// The values of a statement that is not prepared, each with its type, because the database does not tell it then. A
/// value refuses every type but its own.
pub(super) fn typed<'v>(values: &[&'v (dyn ToSql + Sync)]) -> Result<Vec<Typed<'v>>, StoreError> {
    let with_type = |value: &&'v (dyn ToSql + Sync)| {
        let is_its = |of: &&Type| value.to_sql_checked(of, &mut BytesMut::new()).is_ok();
        let found = TYPES.iter().find(is_its).ok_or_else(|| StoreError::failed("a value has no type of the database"));
        Ok((*value, found?.clone()))
    };
    values.iter().map(with_type).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_sent_as_what_it_is() {
        let (ids, texts) = (vec![uuid::Uuid::nil()], vec![Some("x")]);
        let values: [(&(dyn ToSql + Sync), Type); 9] = [
            (&1_i64, Type::INT8),
            (&None::<i64>, Type::INT8),
            (&1_i32, Type::INT4),
            (&"x", Type::TEXT),
            (&Some(b"x".as_slice()), Type::BYTEA),
            (&true, Type::BOOL),
            (&ids, Type::UUID_ARRAY),
            (&texts, Type::TEXT_ARRAY),
            (&uuid::Uuid::nil(), Type::UUID),
        ];
        for (value, is) in values {
            assert_eq!(typed(&[value]).unwrap()[0].1, is);
        }
        assert!(typed(&[&1.5_f64]).is_err());
    }
}
