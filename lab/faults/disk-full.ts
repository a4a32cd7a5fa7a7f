import type { Fault } from './fault.ts';

const DISK = '/tmp/backups.img';
const PLACE = '/var/backups';

/** A small file system of the host's own, within its memory: this machine's disk is never filled. */
export const diskFull: Fault = {
  name: 'disk-full',
  summary: `Dumps have filled the file system at ${PLACE} of a host`,
  host: 'app1',
  on: async (lab, { host }) => {
    const script = `set -e
mountpoint -q ${PLACE} && exit 0
truncate -s 32M ${DISK}
mkfs.ext4 -q -F ${DISK}
mount -o loop ${DISK} ${PLACE}
dd if=/dev/zero of=${PLACE}/shop-dump.sql bs=64k 2>/dev/null || true
`;
    await lab.exec(host, ['sh', '-s'], { input: script });
  },
  off: async (lab, { host }) => {
    const script = `if mountpoint -q ${PLACE}; then umount -l ${PLACE}; fi
rm -f ${DISK}
`;
    await lab.exec(host, ['sh', '-s'], { input: script });
  },
};
