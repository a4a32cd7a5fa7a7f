import type { Command } from './contract.ts';

export const status: Command = {
  name: 'status',
  short: ['st'],
  summary: 'Visitors, each service, open incidents, what waits for whom',
  example: 'status',
  arguments: [],
  flags: [],
  needs: 'see',
  run: async (_input, _asker, desk) => desk.status().message,
};
