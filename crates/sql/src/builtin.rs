//! PostgreSQL's own functions: which of them do no more than compute. The catalog says which can change anything or give
//! another answer each time; these lists say which of those are harmless, and which of the others reach further than
//! their arguments.

/// What a function of `pg_catalog` is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Builtin {
    /// It computes from its arguments, the clock, chance or the session.
    Harmless,
    /// It reads or steps the sequence its first argument names.
    Sequence,
    /// It changes the setting its arguments name.
    Setting,
    /// It says something on the channel its first argument names.
    Notify,
    /// It reaches what it does not name, or the server itself.
    Reaching,
}

/// Volatile, and harmless all the same.
const HARMLESS: &[&str] = &[
    "clock_timestamp",
    "current_query",
    "currval",
    "gen_random_uuid",
    "lastval",
    "pg_advisory_lock",
    "pg_advisory_lock_shared",
    "pg_advisory_unlock",
    "pg_advisory_unlock_all",
    "pg_advisory_unlock_shared",
    "pg_advisory_xact_lock",
    "pg_advisory_xact_lock_shared",
    "pg_collation_actual_version",
    "pg_database_collation_actual_version",
    "pg_database_size",
    "pg_indexes_size",
    "pg_is_in_recovery",
    "pg_jit_available",
    "pg_partition_ancestors",
    "pg_partition_tree",
    "pg_relation_size",
    "pg_sleep",
    "pg_sleep_for",
    "pg_sleep_until",
    "pg_table_size",
    "pg_total_relation_size",
    "pg_try_advisory_lock",
    "pg_try_advisory_lock_shared",
    "pg_try_advisory_xact_lock",
    "pg_try_advisory_xact_lock_shared",
    "pg_xact_status",
    "random",
    "setseed",
    "timeofday",
    "txid_status",
    "uuidv4",
    "uuidv7",
];

/// Not volatile by the catalog, and yet reading tables, files or other people's statements.
const REACHING: &[&str] = &[
    "cursor_to_xml",
    "cursor_to_xmlschema",
    "database_to_xml",
    "database_to_xml_and_xmlschema",
    "database_to_xmlschema",
    "pg_config",
    "pg_current_logfile",
    "pg_hba_file_rules",
    "pg_ident_file_mappings",
    "pg_show_all_file_settings",
    "pg_stat_get_activity",
    "pg_stat_get_backend_activity",
    "pg_stat_get_subscription",
    "pg_stat_get_wal_receiver",
    "query_to_xml",
    "query_to_xml_and_xmlschema",
    "query_to_xmlschema",
    "schema_to_xml",
    "schema_to_xml_and_xmlschema",
    "schema_to_xmlschema",
    "table_to_xml",
    "table_to_xml_and_xmlschema",
    "table_to_xmlschema",
    "ts_stat",
];

const REACHING_BEGIN: &[&str] =
    &["binary_upgrade", "lo_", "pg_ls_", "pg_read_", "pg_stat_file", "pg_logical", "pg_replication"];

/// What the function `name` of `pg_catalog` is, of which the catalog says `volatile`.
pub(crate) fn builtin(name: &str, volatile: bool) -> Builtin {
    match name {
        "nextval" | "setval" => Builtin::Sequence,
        "set_config" => Builtin::Setting,
        "pg_notify" => Builtin::Notify,
        _ if REACHING.contains(&name) => Builtin::Reaching,
        _ if REACHING_BEGIN.iter().any(|begin| name.starts_with(begin)) => Builtin::Reaching,
        _ if volatile && !HARMLESS.contains(&name) => Builtin::Reaching,
        _ => Builtin::Harmless,
    }
}

/// Whether a table or view of the system is reached by its name only.
pub(crate) fn is_sensitive(schema: &str, name: &str) -> bool {
    SENSITIVE.contains(&name) || (schema == "information_schema" && name.starts_with('_'))
}

/// Tables and views of the system that hold secrets, samples of data or other people's statements: a pattern does not
/// reach them, only their name.
const SENSITIVE: &[&str] = &[
    "pg_authid",
    "pg_file_settings",
    "pg_hba_file_rules",
    "pg_ident_file_mappings",
    "pg_largeobject",
    "pg_shadow",
    "pg_stat_activity",
    "pg_stat_statements",
    "pg_statistic",
    "pg_statistic_ext_data",
    "pg_stats",
    "pg_stats_ext",
    "pg_stats_ext_exprs",
    "pg_subscription",
    "pg_user_mapping",
    "pg_user_mappings",
    "user_mapping_options",
];
