import { spawnSync } from 'node:child_process';
import { readFileSync, statSync } from 'node:fs';
import http from 'node:http';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { downLab, type Lab, type LabStatus, labStatus, until, upLab } from '../../lab/index.ts';
import { Config } from '../../src/config/schema.ts';
import { Stack } from '../../src/config/stack.ts';
import { newRoot, prepareLab, sayWhySkipped, tracesOf, withoutLab } from './lab-support.ts';

sayWhySkipped();

// Generous: the machine may be building something else meanwhile.
describe.skipIf(withoutLab !== undefined)('the lab', { timeout: 60_000 }, () => {
  const root = newRoot();
  let lab: Lab;
  let status: LabStatus;

  beforeAll(async () => {
    prepareLab(['web']);
    lab = await upLab({ root, only: ['web'] });
    status = labStatus(root);
  }, 600_000);

  afterAll(async () => {
    await downLab(root);
  }, 30_000);

  const get = (path: string, options: http.RequestOptions = {}) =>
    fetchPage(`${status.public}${path}`, options);
  const ssh = (account: 'read' | 'act', host: string, script: string) => {
    const { address } = status.hosts[host] as LabStatus['hosts'][string];
    return sshTo(status, account, address, script);
  };

  test('answers from the database through Varnish, HAProxy and uWSGI', async () => {
    const order = await get('/order/17');
    expect(order.status).toBe(200);
    expect(order.body).toContain('Customer 17');
    expect(order.headers['x-app']).toMatch(/^app[123]$/);
    expect(order.headers['via']).toMatch(/varnish/i);
  });

  test('caches what is the same for everybody, redirects too, and nothing private', async () => {
    for (const path of ['/product/3', '/legacy/shoe-01.html']) {
      await get(path);
      expect((await get(path, { headers: { Cookie: 'visitor=1' } })).headers['x-cache'], path).toBe('hit');
    }
    expect((await get('/legacy/shoe-01.html')).status).toBe(301);
    await get('/account');
    expect((await get('/account')).headers['x-cache']).toBe('miss');
  });

  test('lets the reading account into each host', () => {
    for (const host of Object.keys(status.hosts))
      expect(ssh('read', host, 'hostname; id -un'), host).toEqual({ status: 0, out: `${host}\nwarroom` });
  });

  test('lets the reading account read', () => {
    expect(ssh('read', 'web1', 'varnishstat -1 -f MAIN.client_req').out).toMatch(/^MAIN.client_req\s+\d/);
    expect(ssh('read', 'web1', 'varnishncsa -d').out).toContain('GET ');
    expect(ssh('read', 'lb1', talk('/run/haproxy-user.sock', 'show stat')).out).toContain('shop,app1,');
    const free = ssh(
      'read',
      'app1',
      'cat /sys/fs/cgroup/cpu/cpu.cfs_quota_us /sys/fs/cgroup/cpu.max 2>/dev/null',
    ).out;
    if (status.capped) expect(free, 'its own quota').toMatch(/^10000\b/);
  });

  test('lets the reading account change nothing', () => {
    for (const [host, script] of [
      ['web1', 'cat /etc/varnish/secret'],
      ['web1', 'varnishadm status'],
      ['lb1', talk('/run/haproxy.sock', 'show info')],
      ['app1', 'printf s >/run/uwsgi.fifo'],
      ['app1', 'touch /srv/flags/x /run/x /etc/x'],
    ] as const)
      expect(ssh('read', host, script).status, script).not.toBe(0);
    expect(ssh('read', 'lb1', talk('/run/haproxy-user.sock', 'disable server shop/app1')).out).toMatch(
      /denied/i,
    );
  });

  test('lets the acting account act, and no more', () => {
    expect(ssh('act', 'web1', 'varnishadm status').out).toContain('running');
    expect(ssh('act', 'lb1', talk('/run/haproxy.sock', 'show info')).out).toContain('Name: HAProxy');
    expect(ssh('act', 'app1', 'printf s >/run/uwsgi.fifo').status).toBe(0);
    expect(ssh('act', 'app1', 'touch /run/x /srv/flags/x').status).not.toBe(0);
  });

  test('writes a config that works as it stands, with its people and their tokens', () => {
    const config = Config.parse(parse(readFileSync(join(root, 'warroom.yaml'), 'utf8')));
    const stack = new Stack(config);
    expect([...stack.hosts.values()].filter((host) => !host.sharedKernel)).toHaveLength(1);
    expect(stack.entry()?.name).toBe('edge');
    const tokens = JSON.parse(readFileSync(join(root, 'tokens.json'), 'utf8')) as Record<string, string>;
    expect(Object.keys(tokens)).toEqual(['ada', 'ben', 'otto', 'eve']);
    expect(config.console.tokens.find((token) => token.name === 'eve')?.may).toEqual([]);
    expect(statSync(join(root, 'tokens.json')).mode & 0o77).toBe(0);
    for (const { secret } of config.console.tokens)
      expect(statSync((secret as { file: string }).file).mode & 0o77).toBe(0);
  });

  test('says that it is up when it is asked twice', async () => {
    const again = await upLab({ root, only: ['web'] });
    expect(again.state).toEqual(lab.state);
  });

  test('has visitors with an address of their own, whose figures it reports', async () => {
    await lab.traffic(30, 20);
    await until('some visitors', () => (lab.report()?.total ?? 0) > 30, 10_000);
    expect(lab.report()?.failed).toBe(0);
    expect(labStatus(root).traffic.running).toBe(true);
    expect(ssh('read', 'web1', 'varnishncsa -d').out).toContain(`${status.hosts['client1']?.address} - `);
    await lab.traffic(0);
    expect(labStatus(root).traffic.running).toBe(false);
  });

  test('breaks and mends on command', async () => {
    await lab.fault('no-redirect-cache', true);
    await lab.fault('no-redirect-cache', true);
    expect(labStatus(root).faults['no-redirect-cache']).toBe('on');
    for (let i = 0; i < 2; i++) expect((await get('/legacy/shoe-02.html')).headers['x-cache']).toBe('miss');
    await lab.fault('no-redirect-cache', false);
    await get('/legacy/shoe-02.html');
    expect((await get('/legacy/shoe-02.html')).headers['x-cache']).toBe('hit');

    await lab.fault('backend-down', true);
    expect(ssh('read', 'app2', 'pgrep -x uwsgi').status).not.toBe(0);
    await lab.fault('backend-down', false);
    await lab.fault('backend-down', false);
    expect(ssh('read', 'app2', 'pgrep -xc uwsgi').out).toBe('3');

    await lab.fault('pinned-core', true, { host: 'db1' });
    expect(ssh('read', 'db1', 'pgrep -f nightly-report').status).toBe(0);
    await lab.fault('pinned-core', false);
    expect(ssh('read', 'db1', 'ps -e -o args=').out).not.toContain('nightly-report');
  });

  test('goes without a trace', async () => {
    const { number } = lab.state;
    await lab.traffic(10, 20);
    await downLab(root);
    expect(tracesOf(number, root)).toEqual([]);
    expect(await downLab(root)).toBe(false);
  });
});

/** Command line that says one line to a unix socket and prints the answer. */
function talk(socket: string, line: string): string {
  return `/usr/bin/python3 -c "
import socket, sys
s = socket.socket(socket.AF_UNIX)
s.connect('${socket}')
s.sendall(b'${line}\\n')
sys.stdout.write(s.makefile().read())"`;
}

function sshTo(status: LabStatus, account: 'read' | 'act', address: string, script: string) {
  const { user, key } = status.accounts[account];
  const options = ['BatchMode=yes', `UserKnownHostsFile=${status.knownHosts}`, 'StrictHostKeyChecking=yes'];
  const argv = [...options.flatMap((option) => ['-o', option]), '-i', key, `${user}@${address}`, script];
  const done = spawnSync('ssh', argv, { stdio: ['ignore', 'pipe', 'pipe'], timeout: 15_000 });
  return { status: done.status, out: done.stdout.toString().trim() };
}

interface Answer {
  readonly status: number;
  readonly headers: http.IncomingHttpHeaders;
  readonly body: string;
}

function fetchPage(url: string, options: http.RequestOptions): Promise<Answer> {
  return new Promise((resolve, reject) => {
    http
      .get(url, { timeout: 10_000, ...options }, (response) => {
        const body: Buffer[] = [];
        response.on('data', (data: Buffer) => body.push(data));
        response.on('end', () =>
          resolve({
            status: response.statusCode ?? 0,
            headers: response.headers,
            body: Buffer.concat(body).toString(),
          }),
        );
      })
      .on('error', reject);
  });
}
