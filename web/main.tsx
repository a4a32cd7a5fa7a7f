import './style/tokens.css';
import './style/base.css';
import './style/shell.css';
import './style/message.css';
import './style/thread.css';
import './style/pages.css';
import 'uplot/dist/uPlot.min.css';
import { effect } from '@preact/signals';
import { render } from 'preact';
import { get } from './live/api.ts';
import { route } from './live/route.ts';
import { connection, type Me, me } from './live/state.ts';
import { follow, stop, tryNow } from './live/stream.ts';
import './live/theme.ts';
import { Console } from './pages/console.tsx';
import { SignIn } from './pages/sign-in.tsx';
import { Wall } from './pages/wall.tsx';
import { LiveRegions } from './parts/live-regions.tsx';

function App() {
  if (me.value === null || route.value.page === 'signin') return <SignIn />;
  return (
    <>
      {route.value.page === 'wall' ? <Wall /> : <Console />}
      <LiveRegions />
    </>
  );
}

/** The stream runs for as long as somebody is signed in. */
let name: string | undefined;
effect(() => {
  const now = me.value?.name;
  if (now === name) return;
  name = now;
  if (now === undefined) stop();
  else follow();
});

if (route.value.page !== 'signin')
  get<Me>('/api/me')
    .then((mine) => {
      me.value = mine;
    })
    .catch(() => {
      // Signed out is known by now; anything else is a bot that does not answer yet.
      if (me.value === undefined) {
        connection.value = { state: 'lost', since: Date.now(), attempt: 0, nextAt: Date.now() };
        tryNow();
      }
    });

const place = document.getElementById('app');
if (place) render(<App />, place);
