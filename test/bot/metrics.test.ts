import { expect, it } from 'vitest';
import { Metrics, metricName } from '../../src/bot/metrics.ts';
import type { Finding, Reading, Unit } from '../../src/checks/contract.ts';

function metricsOf(readings: readonly Reading[], findings: readonly Partial<Finding>[] = []) {
  return new Metrics({
    readings: () => [{ target: 'edge', instance: 'web1', readings }],
    findings: () => findings as Finding[],
    openIncidents: () => 2,
  });
}

it.each<[string, Unit, string]>([
  ['varnish.hit_share', 'share', 'warroom_varnish_hit_ratio'],
  ['haproxy.queue_ms', 'ms', 'warroom_haproxy_queue_seconds'],
  ['haproxy.queue', 'count', 'warroom_haproxy_queue'],
  ['visitors.p95', 's', 'warroom_visitors_p95_seconds'],
  ['varnish.requests', '/s', 'warroom_varnish_requests_per_second'],
  ['host.memory_free', 'B', 'warroom_host_memory_free_bytes'],
  ['host.swap', 'pages/s', 'warroom_host_swap_pages_per_second'],
  ['host.net-in', 'B/s', 'warroom_host_net_in_bytes_per_second'],
  ['host.cpu_cores', 'cores', 'warroom_host_cpu_cores'],
])('%s in %s is called %s', (metric, unit, name) => {
  expect(metricName(metric, unit)).toBe(name);
});

it('gives every reading in base units with target, instance and its own labels', async () => {
  const text = await metricsOf([
    { metric: 'haproxy.queue_ms', value: 250, unit: 'ms' },
    { metric: 'haproxy.server_up', value: 1, unit: 'count', labels: { server: 'app1' } },
    { metric: 'haproxy.broken', value: Number.NaN, unit: 'count' },
  ]).text();
  expect(text).toContain('warroom_haproxy_queue_seconds{target="edge",instance="web1"} 0.25');
  expect(text).toContain('warroom_haproxy_server_up{server="app1",target="edge",instance="web1"} 1');
  expect(text).not.toContain('NaN');
  expect(text).toContain('warroom_open_incidents 2');
  expect(text).toMatch(/warroom_process_resident_memory_bytes \d+/);
  expect(text).toMatch(/warroom_event_loop_busy_ratio [01]/);
  // A histogram that samples once an hour says nothing.
  expect(text).not.toContain('eventloop_lag_p99');
});

it('gives the worst level of each check, and no subject', async () => {
  const finding = { check: 'haproxy.backends', target: 'lb' };
  const text = await metricsOf(
    [],
    [
      { ...finding, level: 'critical', subject: 'app1' },
      { ...finding, level: 'unknown', subject: 'app2' },
    ],
  ).text();
  expect(text).toContain('warroom_check_level{check="haproxy.backends",target="lb"} 2');
  expect(text).not.toContain('app1');
});

it('two readings of one name with different labels are one family', async () => {
  const text = await metricsOf([
    { metric: 'a.b', value: 1, unit: 'count', labels: { x: '1' } },
    { metric: 'a.b', value: 2, unit: 'count' },
  ]).text();
  expect(text.match(/# TYPE warroom_a_b gauge/g)).toHaveLength(1);
});
