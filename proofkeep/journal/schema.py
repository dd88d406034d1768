"""Tables of the journal's database."""

SCHEMA = """
CREATE TABLE IF NOT EXISTS facts (name TEXT PRIMARY KEY, value TEXT) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS packs (
    number INTEGER PRIMARY KEY AUTOINCREMENT, writer BLOB, data_key BLOB, counter INTEGER, type INTEGER, size INTEGER,
    sha256 BLOB, header BLOB, sealed_table BLOB, transfer INTEGER, failures INTEGER DEFAULT 0, sent TEXT,
    verified TEXT, indexed INTEGER DEFAULT 0, proof INTEGER,
    UNIQUE (writer, data_key, counter));
CREATE INDEX IF NOT EXISTS packs_by_transfer ON packs (transfer, data_key, number, size);
CREATE TABLE IF NOT EXISTS transfers (number INTEGER PRIMARY KEY, digest TEXT);
CREATE TABLE IF NOT EXISTS objects (
    place INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT UNIQUE, kind TEXT, generation INTEGER, body BLOB, sent TEXT,
    verified TEXT, proof INTEGER);
"""
PACK_COLUMNS = (
    "number, writer, data_key, counter, type, size, sha256, header, transfer, failures, sent, verified, indexed, proof"
)
