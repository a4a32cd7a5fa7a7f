import { expect, it } from 'vitest';
import { asContainer, discoverFrom, seesMachine } from '../../src/config/discover.ts';

it('finds daemons by their arguments', () => {
  const { config } = discoverFrom(
    [{ name: 'varnishd', argv: ['varnishd', '-a', ':6081', '-T', 'localhost:6082'] }],
    'web.example',
    () => undefined,
  );
  expect(config.services['edge']).toMatchObject({ kind: 'varnish', address: '127.0.0.1:6081' });
  expect(config.hosts['web.example']).toEqual({ local: true });
});

it('says that it watches a container, unless the machine’s processes are seen', () => {
  expect(seesMachine(false, 'bash\n')).toBe(true);
  expect(seesMachine(true, 'kthreadd\n')).toBe(true);
  expect(seesMachine(true, undefined)).toBe(false);
  const { config, notes } = asContainer(discoverFrom([], 'a1b2c3', () => undefined));
  expect(config.launch.name).toBe('a1b2c3 (watching a container)');
  expect(notes.join()).toContain('--pid=host');
});
