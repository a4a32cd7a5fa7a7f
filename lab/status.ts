import { join } from 'node:path';
import { ACTOR, keyFile, knownHostsFile, READER } from './accounts.ts';
import { FAULTS } from './faults/index.ts';
import { Lab } from './lab.ts';
import { isAlive } from './network.ts';
import { SITE } from './plan.ts';
import { passwordsFile } from './secrets.ts';
import { serviceStatus } from './status-services.ts';
import { runningGenerator } from './traffic/control.ts';

export type LabStatus = ReturnType<typeof labStatus>;

/** Enough for another program to read and break the stack by itself: its logins are root's. */
export function labStatus(root: string) {
  const lab = new Lab(root);
  const { state } = lab;
  const login = (user: string) => ({ user, port: 22, key: keyFile(state.root, user) });
  return {
    up: state.complete && isAlive(state.number, state.hosts),
    number: state.number,
    root: state.root,
    parts: state.parts,
    /** Where visitors come in; null where web is not up. */
    public: state.parts.includes('web') ? `http://${lab.address('web1')}` : null,
    site: SITE,
    config: join(state.root, 'warroom.yaml'),
    tokens: join(state.root, 'tokens.json'),
    passwords: passwordsFile(state.root),
    capped: state.capped,
    knownHosts: knownHostsFile(state.root),
    accounts: { read: login(READER), act: login(ACTOR) },
    hosts: Object.fromEntries(
      lab.hosts.map((host) => [
        host.name,
        { address: lab.address(host.name), ssh: login('root'), cores: host.cores },
      ]),
    ),
    services: serviceStatus(lab),
    faults: Object.fromEntries(
      FAULTS.map((fault) => [fault.name, state.faults[fault.name] ? ('on' as const) : ('off' as const)]),
    ),
    traffic: {
      running: runningGenerator(state) !== undefined,
      wanted: state.rate,
      report: lab.report() ?? null,
    },
  };
}
