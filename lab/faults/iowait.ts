import type { Fault } from './fault.ts';

const NAME = 'nightly-dump';
const FILE = '/tmp/nightly-dump';

/** One file of 64 MB, written again and again past the page cache: the disk never fills. It ends after ten minutes. */
const SCRIPT = `trap 'rm -f ${FILE}.*; exit' TERM
end=$(($(date +%s) + 600))
for n in 1 2 3 4; do
  ( while [ $(date +%s) -lt $end ]; do dd if=/dev/zero of=${FILE}.$n bs=16k count=1000 oflag=direct,dsync conv=notrunc 2>/dev/null; done ) &
done
wait
rm -f ${FILE}.*`;

/** iowait is the whole machine's: it shows on the host that carries the kernel's figures. */
export const iowait: Fault = {
  name: 'iowait',
  summary: 'A dump writes past the page cache, and the cores wait for the disk',
  host: 'app1',
  on: (lab, { host }) => lab.daemon(host, NAME, ['sh', '-c', SCRIPT]),
  off: async (lab, { host }) => {
    await lab.stopDaemon(host, NAME);
    await lab.exec(host, ['sh', '-c', `rm -f ${FILE}.*`]);
  },
};
