import type { Generated } from 'kysely';

/** The tables. Times are UTC milliseconds; `json` columns hold one JSON text. Migrations in ./migrations.ts make them. */
export interface Database {
  lease: { id: number; pid: number; token: string; renewed_at: number };
  incidents: {
    id: number;
    state: string;
    json: string;
    opened_at: number;
    updated_at: number;
    resolved_at: number | null;
  };
  timeline: { seq: Generated<number>; incident: number; at: number; what: string; by: string | null };
  posts: {
    id: string;
    incident: number | null;
    role: 'head' | 'reply' | 'note';
    version: number;
    at: number;
    edited_at: number | null;
    json: string;
  };
  outbox: {
    id: Generated<number>;
    platform: string;
    post: string;
    version: number;
    priority: number;
    state: 'queued' | 'sending' | 'sent' | 'uncertain' | 'superseded';
    attempts: number;
    not_before: number;
    platform_id: string | null;
    problem: string | null;
    queued_at: number;
    sent_at: number | null;
  };
  delivered: { platform: string; post: string; platform_id: string; version: number };
  proposals: {
    id: string;
    incident: number;
    state: string;
    plan_hash: string;
    json: string;
    created_at: number;
    expires_at: number;
    fence: number;
  };
  approvals: { proposal: string; plan_hash: string; person: string; at: number };
  journal: {
    seq: Generated<number>;
    proposal: string;
    step: number;
    kind: 'intent' | 'outcome' | 'revert-intent' | 'revert-outcome' | 'baseline' | 'settled' | 'verdict';
    at: number;
    json: string;
  };
  audit: {
    seq: Generated<number>;
    at: number;
    who: string;
    what: string;
    json: string;
    previous: string;
    hash: string;
  };
  readings: { target: string; minute: number; json: string };
  findings: { at: number; identity: string; level: string; json: string };
  silences: {
    id: Generated<number>;
    scope: string;
    until: number;
    by: string;
    reason: string;
    ended_at: number | null;
  };
  marks: { id: Generated<number>; at: number; text: string; by: string };
  /** Single-use sign-in links and signed-in sessions of the console; only SHA-256 of the secret is kept. */
  links: { hash: string; name: string; local_approver: number; expires_at: number; used_at: number | null };
  sessions: {
    hash: string;
    name: string;
    local_approver: number;
    csrf: string;
    expires_at: number;
    created_at: number;
  };
  flags: { key: string; json: string };
}
