// Refreshes a page while it is open, and filters while somebody types. Nothing of the page needs it.
'use strict';

(() => {
  const here = document.currentScript;
  const PAUSE = 'rulesync-paused';
  /** At most one refresh in this time, in milliseconds: changes come in crowds. */
  const INTERVAL = 2000;
  /** Times grow older, and destinations have no events: one refresh in this time, whatever happens. */
  const PERIOD = 15000;
  const TYPING = 300;

  let running = null;

  /** Fetches a page of ours and puts its contents in the place of those that are shown. */
  async function show(url, isNew) {
    running?.abort();
    const mine = new AbortController();
    running = mine;
    try {
      const answer = await fetch(url, { headers: { accept: 'text/html' }, signal: mine.signal });
      const type = answer.headers.get('content-type') ?? '';
      if (!answer.ok || !type.startsWith('text/html')) {
        return false;
      }
      const other = new DOMParser().parseFromString(await answer.text(), 'text/html');
      const main = other.querySelector('main');
      if (!main || mine.signal.aborted) {
        return mine.signal.aborted;
      }
      replace(main);
      if (isNew) {
        history.replaceState(null, '', url);
      }
      return true;
    } catch {
      // Whoever asked for a later page judges that one.
      return mine.signal.aborted;
    }
  }

  /** Replaces what differs, so that what somebody reads, has opened or types into stays as it is. */
  function replace(main) {
    const old = document.querySelector('main');
    const opened = new Set([...old.querySelectorAll('details[open]')].map(key));
    for (const details of main.querySelectorAll('details')) {
      details.open = details.open || opened.has(key(details));
    }
    const [before, after] = [[...old.children], [...main.children]];
    const same = before.length === after.length && before.every((child, at) => child.localName === after[at].localName);
    if (!same) {
      const focused = path(old, document.activeElement);
      old.replaceChildren(...after);
      find(old, focused)?.focus({ preventScroll: true });
      return;
    }
    before.forEach((child, at) => {
      age(child, after[at]);
      const edited = child.contains(document.activeElement) && child.matches('form, :has(form.filter)');
      if (!edited && !child.isEqualNode(after[at])) {
        const focused = path(child, document.activeElement);
        child.replaceWith(after[at]);
        find(after[at], focused)?.focus({ preventScroll: true });
        after[at].classList.add('fresh');
      }
    });
  }

  /** Shows how old the same times are now, so that what differs in nothing else stays as it is. */
  function age(child, other) {
    const [shown, now] = [child, other].map((element) => element.querySelectorAll('time'));
    shown.forEach((time, at) => {
      if (now[at]?.dateTime === time.dateTime) {
        time.textContent = now[at].textContent;
      }
    });
  }

  const key = (details) => details.id || details.querySelector('summary')?.textContent;

  /** The way from an element down to another one, as numbers of children. */
  function path(from, to) {
    if (!to || to === from || !from.contains(to)) {
      return null;
    }
    const numbers = [];
    for (let element = to; element !== from; element = element.parentElement) {
      numbers.unshift([...element.parentElement.children].indexOf(element));
    }
    return { numbers, name: to.localName };
  }

  function find(from, way) {
    const element = way?.numbers.reduce((parent, number) => parent?.children[number], from);
    return element?.localName === way?.name ? element : null;
  }

  /** Refreshes the page soon, once however many changes there are. */
  let due = 0;
  function refresh() {
    if (due || document.hidden) {
      return;
    }
    due = setTimeout(async () => {
      due = 0;
      said(await show(location.href, false));
    }, INTERVAL);
  }

  /** Says since when the page is not current, if it is not. */
  let silent = null;
  function said(answered) {
    const old = document.getElementById('old');
    if (answered) {
      silent = null;
      old.textContent = '';
    } else if (!silent) {
      silent = new Date();
      old.textContent = `No answer since ${silent.toLocaleTimeString()}`;
    }
  }

  function follow() {
    const live = document.getElementById('live');
    if (!window.EventSource || !here?.dataset.events) {
      return;
    }
    let events = null;
    const label = document.createElement('label');
    const box = document.createElement('input');
    box.type = 'checkbox';
    box.checked = sessionStorage.getItem(PAUSE) === null;
    label.append(box, 'Auto-refresh');
    live.append(label);
    const start = () => {
      events = new EventSource(here.dataset.events);
      events.addEventListener('changed', refresh);
      // Something has changed since the page was made, or between two connections.
      events.addEventListener('missed', refresh);
    };
    const stop = () => {
      events?.close();
      events = null;
    };
    box.addEventListener('change', () => {
      if (box.checked) {
        sessionStorage.removeItem(PAUSE);
        start();
      } else {
        sessionStorage.setItem(PAUSE, '');
        stop();
      }
    });
    // A page in the background needs no connection; the daemon has few.
    document.addEventListener('visibilitychange', () => {
      if (document.hidden) {
        stop();
      } else if (box.checked && !events) {
        start();
        refresh();
      }
    });
    setInterval(() => {
      if (!box.checked || document.hidden) {
        return;
      }
      refresh();
      // Browsers do not try again where they were refused, as by a daemon that many follow.
      if (events?.readyState === EventSource.CLOSED) {
        start();
      }
    }, PERIOD);
    if (box.checked && !document.hidden) {
      start();
    }
  }

  function filter() {
    let timer = 0;
    document.addEventListener('input', (event) => {
      const form = event.target.closest?.('form.filter');
      if (!form) {
        return;
      }
      clearTimeout(timer);
      timer = setTimeout(() => {
        const url = new URL(form.action);
        const fields = [...new FormData(form)].filter(([, value]) => value !== '');
        url.search = new URLSearchParams(fields).toString();
        show(url.href, true);
      }, TYPING);
    });
  }

  follow();
  filter();
})();
