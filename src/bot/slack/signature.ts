import { createHmac, timingSafeEqual } from 'node:crypto';
import type { Secret } from '../../config/secret.ts';

const WINDOW_S = 300;
const SIGNATURE = /^v0=([0-9a-f]{64})$/;
const TIMESTAMP = /^[0-9]{1,12}$/;

interface Signed {
  readonly signature: unknown;
  readonly timestamp: unknown;
  readonly body: Buffer;
}

/** Whether Slack wrote these very bytes within five minutes of now, before or after. */
export function isSigned({ signature, timestamp, body }: Signed, secret: Secret, now: number): boolean {
  if (typeof signature !== 'string' || typeof timestamp !== 'string') return false;
  const given = SIGNATURE.exec(signature)?.[1];
  if (given === undefined || !TIMESTAMP.test(timestamp)) return false;
  const expected = createHmac('sha256', secret.reveal()).update(`v0:${timestamp}:`).update(body).digest();
  // Compared before the time is looked at: how long it takes says nothing about which of them was wrong.
  const equal = timingSafeEqual(expected, Buffer.from(given, 'hex'));
  return equal && Math.abs(now / 1000 - Number(timestamp)) <= WINDOW_S;
}
