import type { Finding } from '../checks/contract.ts';

/** How a sample counts. Thin counts neither way; ok but not past clearing counts neither way. */
export type Count = 'bad' | 'good' | 'unknown' | 'neither';

export function count(finding: Finding): Count {
  if (finding.level === 'unknown') return 'unknown';
  if (finding.basis === 'thin') return 'neither';
  if (finding.level !== 'ok') return 'bad';
  return finding.cleared ? 'good' : 'neither';
}

/** The last samples of one identity, newest last; at most 3. */
export interface Track {
  readonly counts: readonly Count[];
  readonly wasSeen: boolean;
}
export const NEW_TRACK: Track = { counts: [], wasSeen: false };

export function advance(track: Track, finding: Finding): Track {
  const counted = count(finding);
  return {
    counts: [...track.counts, counted].slice(-3),
    wasSeen: track.wasSeen || (counted !== 'unknown' && finding.level !== 'unknown'),
  };
}

/** Opens after 2 bad samples of 3, or 1 that is critical and certain; unknown only after 3 in a row of a target that was seen. */
export function opens(track: Track, finding: Finding): boolean {
  const newest = track.counts.at(-1);
  if (newest === 'bad')
    return (
      (finding.level === 'critical' && finding.certain) ||
      track.counts.filter((one) => one === 'bad').length >= 2
    );
  if (newest === 'unknown')
    return track.wasSeen && track.counts.length === 3 && track.counts.every((one) => one === 'unknown');
  return false;
}

/** Clears after 3 good samples in a row. */
export function clears(track: Track): boolean {
  return track.counts.length === 3 && track.counts.every((one) => one === 'good');
}
