/** What to write for a key, where a person left it out or wrote something else. */
const EXAMPLES: Readonly<Record<string, string>> = {
  address: 'address: 10.77.0.11',
  after: 'after: 3m',
  approvals: 'approvals: 1',
  app: 'app: 3',
  backend: 'backend: shop',
  before: 'before: balancer',
  cached: 'cached: ["/", "/product/*"]',
  channelMembers: 'channelMembers: see',
  checks: 'checks: { varnish.hit-rate: { warn: 0.8 }, host.load@lb1: off }',
  cli: 'cli: 127.0.0.1:6082',
  console: 'console: { listen: 127.0.0.1:7080 }',
  escalate: 'escalate: [{ after: 3m, mention: "@oncall" }]',
  expire: 'expire: 15m',
  fifo: 'fifo: /run/uwsgi.fifo',
  health: 'health: /health',
  heartbeat: 'heartbeat: { env: HEARTBEAT_URL }',
  hitRate: 'hitRate: 0.9',
  hosts: 'hosts: { web1: { address: 10.77.0.11 } }',
  jump: 'jump: bastion',
  key: 'key: { file: /etc/warroom/id_ed25519 }',
  kind: 'kind: varnish',
  knownHosts: 'knownHosts: /etc/warroom/known_hosts',
  launch: 'launch: { name: Shop relaunch, timezone: Europe/Berlin }',
  listen: 'listen: 127.0.0.1:7080',
  local: 'local: true',
  may: 'may: [see, operate]',
  name: 'name: Shop relaunch',
  on: 'on: [app1, app2]',
  p95: 'p95: 1',
  passed: 'passed: ["/cart*"]',
  password: 'password: { env: SSH_PASSWORD }',
  people: 'people: { ada: { console: ada, may: [see, operate, approve] } }',
  port: 'port: 8000',
  publicUrl: 'publicUrl: "http://127.0.0.1:7080"',
  requests: 'requests: 240/s',
  secret: 'secret: { env: WALLBOARD_TOKEN }',
  services: 'services: { edge: { kind: varnish, on: web1, url: "http://www.example.com" } }',
  sharedKernel: 'sharedKernel: true',
  sites: 'sites: [www.example.com]',
  socket: 'socket: /run/haproxy/stats.sock',
  spares: 'spares: [app4, app5]',
  ssh: 'ssh: { user: warroom, key: { file: /etc/warroom/id_ed25519 } }',
  act: 'act: { user: warroom-act, key: { file: /etc/warroom/act_ed25519 } }',
  stats: 'stats: 127.0.0.1:9191',
  store: 'store: sqlite:data/warroom.db',
  timezone: 'timezone: Europe/Berlin',
  tokens: 'tokens: [{ name: wallboard, may: [see], secret: { env: WALLBOARD_TOKEN } }]',
  url: 'url: "http://www.example.com"',
  user: 'user: warroom',
  uses: 'uses: [shopdb, cache]',
  webhook: 'webhook: { env: PAGER_URL }',
};

/** The end of a message: what to write. A varnish secret is a file's path, a token's one is a source. */
export function example(path: readonly PropertyKey[]): string {
  const key = String(path.findLast((step) => typeof step === 'string') ?? '');
  if (key === 'secret' && path[0] === 'services') return ' Write, for example:  secret: /etc/varnish/secret';
  if (path[0] === 'checks' && path.length > 1)
    return ' Write off, or its thresholds:  { warn: 0.8, critical: 0.5 }';
  if (path.length === 2 && path[0] === 'hosts') return ' Write its address:  { address: 10.77.0.11 }';
  const found = EXAMPLES[key];
  return found === undefined ? '' : ` Write, for example:  ${found}`;
}
