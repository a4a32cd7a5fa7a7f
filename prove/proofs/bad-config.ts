import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Proof } from '../proof.ts';

interface Case {
  readonly name: string;
  readonly yaml: string;
  /** Line and column that the message must name. */
  readonly at: string;
  /** Words that it must hold: what to write. */
  readonly says: RegExp;
}

const CASES: readonly Case[] = [
  {
    name: 'unknown key',
    yaml: 'launch: { name: Shop }\nservcies: {}\n',
    at: '2:1',
    says: /servcies.*services/,
  },
  {
    name: 'missing secret',
    yaml: 'hosts:\n  a: { local: true }\nssh: { user: w, key: { env: WARROOM_NO_SUCH_KEY } }\n',
    at: '3:',
    says: /WARROOM_NO_SUCH_KEY/,
  },
  { name: 'wrong type', yaml: 'hosts: {}\nconsole:\n  listen: 7080\n', at: '3:11', says: /console\.listen/ },
  {
    name: 'one name twice',
    yaml: 'hosts:\n  web1: { local: true }\n  web1: { local: true }\n',
    at: '3:3',
    says: /web1.*twice|twice.*web1/,
  },
  { name: 'broken YAML', yaml: 'hosts:\n  web1: { address: 10.0.0.1\nservices: {}\n', at: '', says: /YAML/ },
  {
    name: 'unknown host',
    yaml: 'hosts:\n  web1: { local: true }\nservices:\n  app: { kind: uwsgi, on: app1 }\n',
    at: '4:',
    says: /app1.*host/,
  },
];

/** Each mistake gives one message with file, line, column and what to write, and exit code 4. */
export const badConfig: Proof = {
  name: 'bad-config',
  shows: 'each mistake in the config: one message with its place and what to write, exit 4',
  seconds: 120,
  run: async (act) => {
    const folder = act.folder();
    for (const { name, yaml, at, says } of CASES) {
      const file = join(folder, `${name.replaceAll(' ', '-')}.yaml`);
      writeFileSync(file, yaml);
      const { status, lines } = check(file);
      act.check(`${name}: exit 4`, status === 4, String(status));
      act.check(
        `${name}: one message with its place`,
        lines.length === 1 && (lines[0]?.startsWith(`${file}:${at}`) ?? false),
        lines.join(' | '),
      );
      act.check(`${name}: says what to write`, says.test(lines.join(' ')));
    }
    const missing = check(join(folder, 'nowhere.yaml'));
    act.check(
      'no such file: exit 4',
      missing.status === 4 && /nowhere\.yaml/.test(missing.lines.join('')),
      missing.lines.join(' | '),
    );

    const key = join(folder, 'key');
    spawnSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', key]);
    const file = join(folder, 'unreachable.yaml');
    // Port 1 of loopback: nobody listens, and nobody else's machine is asked.
    writeFileSync(
      file,
      `ssh: { user: warroom, key: { file: ${key} }, port: 1 }\nhosts:\n  gone: { address: 127.0.0.1 }\n`,
    );
    const unreachable = spawnSync(
      process.execPath,
      ['dist/main.js', 'check', '--config', file, '--json', '--sample', '500ms'],
      { encoding: 'utf8', timeout: 60_000 },
    );
    const findings = unreachable.stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { level: string; summary: string; target: string; check: string });
    act.check(
      'unreachable host: unknown or critical, never ok',
      findings.filter((one) => one.target === 'gone').every((one) => one.level === 'unknown'),
      `${findings.length} findings, exit ${unreachable.status}`,
    );
    act.check(
      'unreachable host: says where and what to look at',
      findings.some((one) => /127\.0\.0\.1:1 cannot be reached.*Is it running/.test(one.summary)),
      findings[0]?.summary ?? '',
    );
    act.figure('mistakes', CASES.length + 2);
  },
};

function check(file: string): { status: number | null; lines: string[] } {
  const done = spawnSync(process.execPath, ['dist/main.js', 'check', '--config', file], {
    encoding: 'utf8',
    timeout: 30_000,
  });
  return { status: done.status, lines: done.stderr.trim().split('\n').filter(Boolean) };
}
