import type { CollectContext } from '../../src/checks/contract.ts';

/** For systems that are read through their hosts alone. */
export const noLink: CollectContext['link'] = () =>
  Promise.reject(new Error('This system has no client of its own.'));
