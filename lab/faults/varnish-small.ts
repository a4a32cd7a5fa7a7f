import type { Lab } from '../lab.ts';
import type { Fault } from './fault.ts';

const SERVER = 'varnishd@web1';
/** As small as varnishd takes it; the pages that visitors look at need four times that. */
const SIZE = '1m';

export const varnishSmall: Fault = {
  name: 'varnish-small',
  summary: 'Pages have grown, and Varnish was restarted with 1 MiB for all of them',
  parts: ['web'],
  on: async (lab) => {
    lab.flag('varnish-small', true);
    await restartWith(lab, SIZE);
  },
  off: async (lab) => {
    lab.flag('varnish-small', false);
    await restartWith(lab, undefined);
  },
};

async function restartWith(lab: Lab, size: string | undefined): Promise<void> {
  const now = (await lab.exec('web1', ['sh', '-c', 'cat /etc/varnish/storage 2>/dev/null || true'])).trim();
  if (now === (size ?? '')) return;
  await lab.exec('web1', [
    'sh',
    '-c',
    size === undefined ? 'rm -f /etc/varnish/storage' : `echo ${size} >/etc/varnish/storage`,
  ]);
  await lab.stopServer(SERVER);
  await lab.startServer(SERVER);
}
