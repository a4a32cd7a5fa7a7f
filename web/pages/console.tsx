import { useEffect } from 'preact/hooks';
import { goToApproval, plansShown, press, pressing } from '../live/desk.ts';
import { listenToKeys } from '../live/keys.ts';
import { route, type Tab, tab } from '../live/route.ts';
import {
  followedIncident,
  incidents,
  loaded,
  openIncidents,
  status,
  waitingProposal,
} from '../live/state.ts';
import { About } from '../panes/about.tsx';
import { ChannelPane } from '../panes/channel-pane.tsx';
import { Lately } from '../panes/lately.tsx';
import { LostStrip } from '../panes/lost-strip.tsx';
import { ServicePage } from '../panes/service-page.tsx';
import { SetUpPage } from '../panes/set-up-page.tsx';
import { StackPane } from '../panes/stack-pane.tsx';
import { ThreadPane } from '../panes/thread-pane.tsx';
import { TopBar } from '../panes/top-bar.tsx';
import { CommandLine } from '../parts/command-line.tsx';
import { Foreign } from '../parts/text.tsx';

/** Three panes on a desk, one at a time on a phone. */
export function Console() {
  useEffect(listenToKeys, []);
  return (
    <div class={waitingProposal.value ? 'console waiting' : 'console'} data-tab={tab.value}>
      <TopBar />
      <LostStrip />
      <Tabs />
      <main class="panes">
        <section class="pane stack" aria-label="Stack" tabIndex={0}>
          <StackPane />
        </section>
        <section class="pane middle" aria-label="Channel">
          <ChannelPane />
          <CommandLine />
        </section>
        <section id="thread" class="pane right" aria-label="Thread" tabIndex={0}>
          <Right />
        </section>
      </main>
      <Sticky />
      <About />
    </div>
  );
}

function Right() {
  const to = route.value;
  const shown = status.value;
  if (to.page === 'incident') {
    const incident = incidents.value.get(to.id);
    if (incident) return <ThreadPane key={to.id} incident={incident} />;
    return <p class="empty">{loaded.value ? `There is no incident ${to.id}.` : ''}</p>;
  }
  if (to.page === 'service') {
    const service = [...(shown?.services ?? []), ...(shown?.hosts ?? [])].find((one) => one.name === to.name);
    if (service) return <ServicePage key={to.name} service={service} />;
    return <p class="empty">{shown ? `Nothing called ${to.name} is watched.` : ''}</p>;
  }
  if (to.page === 'set-up') return <SetUpPage items={shown?.setUp ?? []} />;
  const followed = followedIncident.value;
  return followed ? <ThreadPane key={followed.id} incident={followed} /> : <Lately />;
}

const TABS = [
  ['channel', 'Channel'],
  ['stack', 'Stack'],
  ['thread', 'Thread'],
] as const satisfies readonly (readonly [Tab, string])[];

function Tabs() {
  const open = openIncidents.value.length;
  return (
    <nav class="tabs" aria-label="Panes">
      {TABS.map(([id, name]) => (
        <button
          key={id}
          type="button"
          class="bare"
          aria-pressed={tab.value === id}
          onClick={() => (tab.value = id)}
        >
          {name}
          {id === 'thread' && open > 0 ? ` (${open})` : ''}
        </button>
      ))}
    </nav>
  );
}

/** On a phone what waits for an approver stays in reach of the thumb. */
function Sticky() {
  const proposal = waitingProposal.value;
  if (!proposal) return null;
  const { id, risk } = proposal;
  const shown = plansShown.value.has(id) && tab.value === 'thread';
  return (
    <aside class="sticky" aria-label="Waiting for an approver">
      <p>
        <span class="mono">{id}</span> <Foreign text={proposal.title} />
      </p>
      {shown && risk !== 'high' ? (
        <button
          type="button"
          class="filled"
          aria-disabled={pressing.value.has(id)}
          onClick={() => void press('approve', proposal)}
        >
          Approve {id}
        </button>
      ) : (
        <button type="button" class="filled" onClick={() => goToApproval(proposal)}>
          {shown ? `Type ${proposal.incident} to approve` : 'Show plan'}
        </button>
      )}
    </aside>
  );
}
