import type { LabRow, Row } from '../row.ts';
import { showPools } from './postgres-native.ts';

/** A wait begins and ends every two seconds, and is read every five. */
const A_TURN_S = 1;

export const PGBOUNCER_ROWS: readonly Row[] = [
  {
    check: 'pgbouncer.waiting',
    parts: ['postgres'],
    fault: 'pool-waiting',
    evidence: [
      /pool shop\/shop, 12 of 12 connections at work/,
      /"shop","shop",\d+,\d+,[\d.]+,12,0,12,"transaction"/,
      /First see what they do/,
    ],
    figure: async (lab, finding) => {
      const pool = (await showPools(lab)).find((one) => one['database'] === 'shop' && one['user'] === 'shop');
      const waiting = Number(pool?.['cl_waiting']);
      const longest = Number(pool?.['maxwait']) + Number(pool?.['maxwait_us']) / 1e6;
      return {
        right:
          finding.summary.startsWith(`${waiting} client`) &&
          Math.abs((finding.value ?? Number.NaN) - longest) <= A_TURN_S,
        says: `SHOW POOLS: shop/shop has cl_waiting ${waiting}, maxwait ${longest.toFixed(1)} s, sv_active ${pool?.['sv_active']}`,
      };
    },
  },
] satisfies LabRow[];
