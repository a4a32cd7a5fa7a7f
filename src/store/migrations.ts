/** Each entry moves the schema by one version; released entries are never edited. */
export const MIGRATIONS: readonly string[] = [
  `
  CREATE TABLE lease (id INTEGER PRIMARY KEY CHECK (id = 1), pid INTEGER NOT NULL, token TEXT NOT NULL, renewed_at INTEGER NOT NULL);
  CREATE TABLE incidents (id INTEGER PRIMARY KEY, state TEXT NOT NULL, json TEXT NOT NULL, opened_at INTEGER NOT NULL, updated_at INTEGER NOT NULL, resolved_at INTEGER);
  CREATE TABLE timeline (seq INTEGER PRIMARY KEY AUTOINCREMENT, incident INTEGER NOT NULL, at INTEGER NOT NULL, what TEXT NOT NULL, by TEXT);
  CREATE INDEX timeline_incident ON timeline (incident, seq);
  CREATE TABLE posts (id TEXT PRIMARY KEY, incident INTEGER, role TEXT NOT NULL, version INTEGER NOT NULL, at INTEGER NOT NULL, edited_at INTEGER, json TEXT NOT NULL);
  CREATE INDEX posts_incident ON posts (incident, at);
  CREATE TABLE outbox (id INTEGER PRIMARY KEY AUTOINCREMENT, platform TEXT NOT NULL, post TEXT NOT NULL, version INTEGER NOT NULL, priority INTEGER NOT NULL, state TEXT NOT NULL, attempts INTEGER NOT NULL DEFAULT 0, not_before INTEGER NOT NULL DEFAULT 0, platform_id TEXT, problem TEXT, queued_at INTEGER NOT NULL, sent_at INTEGER);
  CREATE INDEX outbox_due ON outbox (platform, state, priority, id);
  CREATE TABLE delivered (platform TEXT NOT NULL, post TEXT NOT NULL, platform_id TEXT NOT NULL, version INTEGER NOT NULL, PRIMARY KEY (platform, post));
  CREATE TABLE proposals (id TEXT PRIMARY KEY, incident INTEGER NOT NULL, state TEXT NOT NULL, plan_hash TEXT NOT NULL, json TEXT NOT NULL, created_at INTEGER NOT NULL, expires_at INTEGER NOT NULL, fence INTEGER NOT NULL DEFAULT 0);
  CREATE INDEX proposals_incident ON proposals (incident, id);
  CREATE TABLE approvals (proposal TEXT NOT NULL, plan_hash TEXT NOT NULL, person TEXT NOT NULL, at INTEGER NOT NULL, PRIMARY KEY (proposal, plan_hash, person));
  CREATE TABLE journal (seq INTEGER PRIMARY KEY AUTOINCREMENT, proposal TEXT NOT NULL, step INTEGER NOT NULL, kind TEXT NOT NULL, at INTEGER NOT NULL, json TEXT NOT NULL);
  CREATE INDEX journal_proposal ON journal (proposal, seq);
  CREATE TABLE audit (seq INTEGER PRIMARY KEY AUTOINCREMENT, at INTEGER NOT NULL, who TEXT NOT NULL, what TEXT NOT NULL, json TEXT NOT NULL, previous TEXT NOT NULL, hash TEXT NOT NULL);
  CREATE TABLE readings (target TEXT NOT NULL, minute INTEGER NOT NULL, json TEXT NOT NULL, PRIMARY KEY (target, minute)) WITHOUT ROWID;
  CREATE TABLE findings (at INTEGER NOT NULL, identity TEXT NOT NULL, level TEXT NOT NULL, json TEXT NOT NULL);
  CREATE INDEX findings_at ON findings (at);
  CREATE TABLE silences (id INTEGER PRIMARY KEY AUTOINCREMENT, scope TEXT NOT NULL, until INTEGER NOT NULL, by TEXT NOT NULL, reason TEXT NOT NULL, ended_at INTEGER);
  CREATE TABLE marks (id INTEGER PRIMARY KEY AUTOINCREMENT, at INTEGER NOT NULL, text TEXT NOT NULL, by TEXT NOT NULL);
  CREATE TABLE links (hash TEXT PRIMARY KEY, name TEXT NOT NULL, local_approver INTEGER NOT NULL, expires_at INTEGER NOT NULL, used_at INTEGER);
  CREATE TABLE sessions (hash TEXT PRIMARY KEY, name TEXT NOT NULL, local_approver INTEGER NOT NULL, csrf TEXT NOT NULL, expires_at INTEGER NOT NULL, created_at INTEGER NOT NULL);
  CREATE TABLE flags (key TEXT PRIMARY KEY, json TEXT NOT NULL);
  `,
];
