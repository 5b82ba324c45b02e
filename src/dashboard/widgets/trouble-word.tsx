import { troubles, worstWord } from '../state/troubles.ts';
import { Disclosure } from './disclosure.tsx';
import { PlaceLink } from './place-link.tsx';

/** Number of troubles in the menu. */
const mostListed = 12;

/** A red word in the header while something is down: a link to it, and a menu of everything else that is down. */
export function TroubleWord() {
  const all = troubles.value;
  const [worst] = all;
  return (
    <div class="trouble">
      <span role="status">
        {worst && (
          <PlaceLink place={worst.place} class="trouble-word" description={`${worstWord.value}: ${worst.text}`}>
            {worstWord.value}
          </PlaceLink>
        )}
      </span>
      {all.length > 1 && (
        <Disclosure label={`+${all.length - 1}`} description={`+${all.length - 1}: all ${all.length} troubles`} class="trouble-more">
          {all.slice(0, mostListed).map(({ text, place }) => (
            <PlaceLink key={text} place={place}>
              {text}
            </PlaceLink>
          ))}
          {all.length > mostListed && <p class="muted small">and {all.length - mostListed} more</p>}
        </Disclosure>
      )}
    </div>
  );
}
