import { startUwsgi } from '../services/uwsgi.ts';
import type { Fault } from './fault.ts';

const HOST = 'app2';

export const backendDown: Fault = {
  name: 'backend-down',
  summary: `The application on ${HOST} is killed`,
  on: async (lab) => {
    await lab.exec(HOST, ['pkill', '-KILL', 'uwsgi']).catch(() => undefined);
  },
  off: async (lab) => {
    if (
      !(await lab.exec(HOST, ['pgrep', 'uwsgi']).then(
        () => true,
        () => false,
      ))
    )
      lab.daemon(HOST, startUwsgi());
  },
};
