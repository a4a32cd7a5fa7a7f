/** Every wait, in milliseconds; together, since tests make them short. */
export interface Timings {
  /** One REST call, with its body. */
  readonly callMs: number;
  /** How long `start` waits for the first connection. */
  readonly startMs: number;
  /** From login to ready. */
  readonly connectMs: number;
  /** How often the connection is looked at. */
  readonly lookMs: number;
  /** Without a connection for that long, it is begun anew. */
  readonly awayMs: number;
  /** The time between beats, until two were seen. */
  readonly beatMs: number;
  /** So many beats without an answer are a dead socket. */
  readonly beats: number;
  readonly firstRetryMs: number;
  readonly lastRetryMs: number;
  /** A connection that stood for that long was a good one. */
  readonly stableMs: number;
  /** After a refused token. */
  readonly tokenMs: number;
  /** At most that long until it is asked again whether new sessions are allowed. */
  readonly sessionsMs: number;
  /** Discord wants 5 s between two identifies. */
  readonly identifyEachMs: number;
  readonly identifiesAnHour: number;
  readonly disposeMs: number;
  /** What is in hand at the stop. */
  readonly drainMs: number;
}

export const TIMINGS: Timings = {
  callMs: 12_000,
  startMs: 5_000,
  connectMs: 30_000,
  lookMs: 1_000,
  awayMs: 60_000,
  beatMs: 45_000,
  beats: 3,
  firstRetryMs: 1_000,
  lastRetryMs: 120_000,
  stableMs: 120_000,
  tokenMs: 15_000,
  sessionsMs: 600_000,
  identifyEachMs: 5_100,
  identifiesAnHour: 30,
  disposeMs: 3_000,
  drainMs: 5_000,
};
