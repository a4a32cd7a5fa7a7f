import { createHmac } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { judgeHostKey, knownHostsLine, knownTypes, parseKnownHosts } from '../../src/targets/known-hosts.ts';

function blob(type: string, seed: number): Buffer {
  const name = Buffer.from(type);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(name.length);
  return Buffer.concat([length, name, Buffer.alloc(32, seed)]);
}
const ed = blob('ssh-ed25519', 1);
const rsa = blob('ssh-rsa', 2);
const line = (names: string, key: Buffer, type = 'ssh-ed25519') =>
  `${names} ${type} ${key.toString('base64')} a comment`;

describe('known hosts', () => {
  it('knows a host by name, by address, by [host]:port and by pattern', () => {
    const entries = parseKnownHosts(
      [
        '# ours',
        line('web1,10.0.0.1', ed),
        line('[lb1]:2222', ed),
        line('*.example.com,!bad.example.com', ed),
      ].join('\n'),
    );
    expect(judgeHostKey(entries, 'web1', 22, ed)).toBe('known');
    expect(judgeHostKey(entries, 'WEB1', 22, ed)).toBe('known');
    expect(judgeHostKey(entries, '10.0.0.1', 22, ed)).toBe('known');
    expect(judgeHostKey(entries, 'web1', 2222, ed)).toBe('unknown');
    expect(judgeHostKey(entries, 'lb1', 2222, ed)).toBe('known');
    expect(judgeHostKey(entries, 'lb1', 22, ed)).toBe('unknown');
    expect(judgeHostKey(entries, 'a.example.com', 22, ed)).toBe('known');
    expect(judgeHostKey(entries, 'bad.example.com', 22, ed)).toBe('unknown');
  });

  it('knows a hashed host', () => {
    const salt = Buffer.from('0123456789abcdefghij');
    const hash = createHmac('sha1', salt).update('[db1]:2200').digest('base64');
    const entries = parseKnownHosts(line(`|1|${salt.toString('base64')}|${hash}`, ed));
    expect(judgeHostKey(entries, 'db1', 2200, ed)).toBe('known');
    expect(judgeHostKey(entries, 'db2', 2200, ed)).toBe('unknown');
  });

  it('takes any of several keys, calls another key of a known type changed and of a new type unknown', () => {
    const entries = parseKnownHosts(
      `${line('h', ed)}\n${line('h', blob('ssh-ed25519', 9))}\n${line('other', rsa, 'ssh-rsa')}`,
    );
    expect(judgeHostKey(entries, 'h', 22, ed)).toBe('known');
    expect(judgeHostKey(entries, 'h', 22, blob('ssh-ed25519', 9))).toBe('known');
    expect(judgeHostKey(entries, 'h', 22, blob('ssh-ed25519', 3))).toBe('changed');
    expect(judgeHostKey(entries, 'h', 22, rsa)).toBe('unknown');
    expect(knownTypes(entries, 'h', 22)).toEqual(['ssh-ed25519']);
  });

  it('refuses a revoked key', () => {
    const entries = parseKnownHosts(`${line('h', ed)}\n@revoked ${line('*', ed)}`);
    expect(judgeHostKey(entries, 'h', 22, ed)).toBe('changed');
  });

  it('gives a line that makes the host known, and never throws on garbage', () => {
    fc.assert(
      fc.property(fc.domain(), fc.integer({ min: 1, max: 65535 }), fc.string(), (host, port, garbage) => {
        const entries = parseKnownHosts(`${garbage}\n${knownHostsLine(host, port, ed)}`);
        expect(judgeHostKey(entries, host, port, ed)).toBe('known');
        judgeHostKey(entries, host, port, Buffer.from(garbage));
      }),
    );
  });
});
