/** An element that index.html has. */
export function byId(id: string): HTMLElement {
  return document.getElementById(id)!
}

/** The first element below another that a selector names. */
export function element<E extends HTMLElement = HTMLElement>(parent: Element, selector: string): E {
  return parent.querySelector<E>(selector)!
}
