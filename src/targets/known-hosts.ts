import { createHmac } from 'node:crypto';

export interface KnownHost {
  readonly patterns: readonly string[];
  readonly type: string;
  readonly key: string;
  readonly revoked: boolean;
}

export type KeyVerdict = 'known' | 'unknown' | 'changed';

/**
 * The entries of a known_hosts file (sshd(8), "SSH_KNOWN_HOSTS FILE FORMAT"): plain and hashed names, patterns,
 * [host]:port. Certificate authorities are left out: ssh2 takes no host certificates.
 */
export function parseKnownHosts(text: string): KnownHost[] {
  return text.split('\n').flatMap((line) => {
    const words = line.trim().split(/\s+/);
    if (!words[0] || words[0].startsWith('#')) return [];
    const marker = words[0].startsWith('@') ? words.shift() : undefined;
    const [names, type, key] = words;
    if (!names || !type || !key || marker === '@cert-authority') return [];
    return [{ patterns: names.split(','), type, key, revoked: marker === '@revoked' }];
  });
}

/** `key` is the raw public key as it came over the wire. */
export function judgeHostKey(
  entries: readonly KnownHost[],
  host: string,
  port: number,
  key: Buffer,
): KeyVerdict {
  const mine = entriesOf(entries, host, port);
  const encoded = key.toString('base64');
  const same = mine.filter((entry) => entry.key === encoded);
  if (same.some((entry) => entry.revoked)) return 'changed';
  if (same.length > 0) return 'known';
  // A key of a type that the file does not hold is only unknown; another key of a type that it holds is a change.
  return mine.some((entry) => entry.type === keyType(key)) ? 'changed' : 'unknown';
}

/** The line that would make a host known. */
export function knownHostsLine(host: string, port: number, key: Buffer): string {
  return `${nameOf(host, port)} ${keyType(key)} ${key.toString('base64')}`;
}

/** The key types that the file holds for a host: the server is asked for one that can be judged. */
export function knownTypes(entries: readonly KnownHost[], host: string, port: number): string[] {
  return [...new Set(entriesOf(entries, host, port).map((entry) => entry.type))];
}

function entriesOf(entries: readonly KnownHost[], host: string, port: number): KnownHost[] {
  const wanted = nameOf(host, port);
  return entries.filter(
    ({ patterns }) =>
      patterns.some((pattern) => matches(pattern, wanted)) &&
      !patterns.some((pattern) => pattern.startsWith('!') && matches(pattern.slice(1), wanted)),
  );
}

function nameOf(host: string, port: number): string {
  const name = host.toLowerCase();
  return port === 22 ? name : `[${name}]:${port}`;
}

/** RFC 4253, 6.6: a public key blob begins with its algorithm's name as a string. */
function keyType(key: Buffer): string {
  return key.length < 4 ? '' : key.subarray(4, 4 + key.readUInt32BE(0)).toString('latin1');
}

function matches(pattern: string, wanted: string): boolean {
  if (pattern.startsWith('|1|')) {
    const [, , salt, hash] = pattern.split('|');
    if (!salt || !hash) return false;
    return createHmac('sha1', Buffer.from(salt, 'base64')).update(wanted).digest('base64') === hash;
  }
  return wildcard(pattern.toLowerCase(), wanted);
}

/** `*` and `?` as in ssh_config(5), "PATTERNS"; no regular expression, so that no pattern of a file is slow. */
function wildcard(pattern: string, text: string): boolean {
  let p = 0;
  let star = -1;
  let from = 0;
  for (let t = 0; t < text.length; ) {
    if (pattern[p] === '*') {
      star = p++;
      from = t;
    } else if (p < pattern.length && (pattern[p] === '?' || pattern[p] === text[t])) {
      p += 1;
      t += 1;
    } else if (star >= 0) {
      p = star + 1;
      t = ++from;
    } else {
      return false;
    }
  }
  while (pattern[p] === '*') p += 1;
  return p === pattern.length;
}
