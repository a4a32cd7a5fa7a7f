/** What an incident is called by the finding that opened it, until its cause is known. A test holds it against the list of checks. */
export const TITLES: Readonly<Record<string, string>> = {
  'host.load': 'More work than cores',
  'host.pinned-core': 'One process holds a whole core',
  'host.swap': 'Swapping',
  'host.python-memory': 'A Python process grew large',
  'host.iowait': 'Waiting for disks',
  'host.disk': 'Disk nearly full',
  'host.backlog': 'A listen queue overflows',
  'varnish.hit-rate': 'The cache serves too little',
  'varnish.top-misses': 'URLs bypass the cache',
  'varnish.redirects': 'Redirects reach the application',
  'varnish.errors': 'Varnish answers with errors',
  'varnish.backends': 'Varnish lost its backend',
  'haproxy.backends': 'An application server is down',
  'haproxy.errors': 'The balancer answers with errors',
  'haproxy.queue': 'Requests queue for the application',
  'uwsgi.response-time': 'The application answers slowly',
  'uwsgi.busy': 'Application overloaded',
  'uwsgi.queue': 'Requests wait for a worker',
  'uwsgi.errors': 'The application raises errors',
  'stack.visitors': 'Visitors suffer',
  'self.connectivity': 'A host cannot be reached',
  'self.chat': 'The chat does not work',
  'self.outbox': 'Messages are late',
  'self.collectors': 'Warroom reads late',
  'self.store': 'The store cannot be written',
};

export function titleOf(check: string): string {
  return TITLES[check] ?? check;
}
