import { announcement } from '../live/state.ts';

/** Read to who cannot see the page: new incidents politely, criticals at once. */
export function LiveRegions() {
  const told = announcement.value;
  return (
    <>
      <div class="hidden" role="status">
        {told && !told.urgent ? told.text : ''}
      </div>
      <div class="hidden" role="alert">
        {told?.urgent ? told.text : ''}
      </div>
    </>
  );
}
