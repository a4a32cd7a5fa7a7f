import { execFileSync } from 'node:child_process';
import { closeSync, mkdirSync, openSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import type { Act } from './proof.ts';

const STORE_MB = 8;

/** A file system of a few megabytes, for the store alone. */
export function tinyDisk(act: Act): string {
  const disk = join(act.folder(), 'disk');
  mkdirSync(disk);
  execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${STORE_MB}m,mode=700`, 'warroom-proof', disk]);
  act.after(() => execFileSync('umount', ['-l', disk]));
  return disk;
}

/** Takes all room that is left, to the last byte; gives the way back. */
export function fill(disk: string): () => void {
  const file = join(disk, 'filler');
  const handle = openSync(file, 'w');
  try {
    for (const size of [64 * 1024, 4096, 1])
      for (let written = size; written === size; ) {
        try {
          written = writeSync(handle, Buffer.alloc(size, 1));
        } catch {
          break;
        }
      }
  } finally {
    closeSync(handle);
  }
  return () => rmSync(file, { force: true });
}
