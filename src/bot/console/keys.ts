import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';

/** 256 random bits, as text for a link, a cookie or a header. */
export function newKey(): string {
  return randomBytes(32).toString('base64url');
}

/** Only this is stored or compared: a reader of the store cannot sign in with it. */
export function hashOf(key: string): string {
  return createHash('sha256').update(key).digest('hex');
}

/** Compares hashes, which have one length, so neither content nor length shows in the time it takes. */
export function sameKey(given: string, wantedHash: string): boolean {
  return timingSafeEqual(Buffer.from(hashOf(given)), Buffer.from(wantedHash));
}
