import { createHmac } from 'node:crypto';

interface Entry {
  readonly patterns: readonly string[];
  readonly type: string;
  readonly key: string;
  readonly revoked: boolean;
}

export type Verdict = 'known' | 'unknown' | 'changed';

/** The entries of a known_hosts file (sshd(8), "SSH_KNOWN_HOSTS FILE FORMAT"): plain, [host]:port and hashed names. */
export function parseKnownHosts(text: string): Entry[] {
  return text.split('\n').flatMap((line) => {
    const words = line.trim().split(/\s+/);
    if (words[0] === undefined || words[0] === '' || words[0].startsWith('#')) return [];
    const marker = words[0].startsWith('@') ? words.shift() : undefined;
    const [names, type, key] = words;
    if (!names || !type || !key || marker === '@cert-authority') return [];
    return [{ patterns: names.split(','), type, key, revoked: marker === '@revoked' }];
  });
}

/** `key` is the raw public key as it came over the wire. */
export function judgeHostKey(entries: readonly Entry[], host: string, port: number, key: Buffer): Verdict {
  const wanted = port === 22 ? host : `[${host}]:${port}`;
  const mine = entries.filter((entry) => entry.patterns.some((pattern) => matches(pattern, wanted)));
  const encoded = key.toString('base64');
  const same = mine.filter((entry) => entry.key === encoded);
  if (same.some((entry) => entry.revoked)) return 'changed';
  if (same.length > 0) return 'known';
  // A key of a type that the file does not hold is only unknown; another key of a type that it holds is a change.
  return mine.some((entry) => entry.type === keyType(key)) ? 'changed' : 'unknown';
}

/** The line that would make a host known. */
export function knownHostsLine(host: string, port: number, key: Buffer): string {
  return `${port === 22 ? host : `[${host}]:${port}`} ${keyType(key)} ${key.toString('base64')}`;
}

/** The algorithm names that the file holds for a host, so that the server is asked for a key that can be judged. */
export function knownTypes(entries: readonly Entry[], host: string, port: number): string[] {
  const wanted = port === 22 ? host : `[${host}]:${port}`;
  return [
    ...new Set(
      entries
        .filter((entry) => entry.patterns.some((pattern) => matches(pattern, wanted)))
        .map((entry) => entry.type),
    ),
  ];
}

/** RFC 4253, 6.6: a public key blob begins with its algorithm's name as a string. */
function keyType(key: Buffer): string {
  return key.length < 4 ? '' : key.subarray(4, 4 + key.readUInt32BE(0)).toString('latin1');
}

function matches(pattern: string, wanted: string): boolean {
  if (!pattern.startsWith('|1|')) return pattern === wanted;
  const [, , salt, hash] = pattern.split('|');
  if (!salt || !hash) return false;
  return createHmac('sha1', Buffer.from(salt, 'base64')).update(wanted).digest('base64') === hash;
}
