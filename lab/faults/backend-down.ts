import type { Fault } from './fault.ts';

export const backendDown: Fault = {
  name: 'backend-down',
  summary: 'The application of one server is killed',
  parts: ['web'],
  host: 'app2',
  on: async (lab, { host }) => {
    if (await running(lab.exec(host, ['pgrep', '-x', 'uwsgi'])))
      await lab.exec(host, ['pkill', '-KILL', '-x', 'uwsgi']);
  },
  off: async (lab, { host }) => {
    if (!(await running(lab.exec(host, ['pgrep', '-x', 'uwsgi'])))) await lab.startService(host);
  },
};

function running(pgrep: Promise<string>): Promise<boolean> {
  return pgrep.then(
    () => true,
    () => false,
  );
}
