if (!window.rahatLinks) {
  window.rahatLinks = true;
  document.addEventListener('click', (event) => {
    const link = event.target instanceof Element && event.target.closest('a[href]');
    if (!link || !/^(https?|mailto):/i.test(link.getAttribute('href'))) return;
    event.preventDefault();
    window.runtime.BrowserOpenURL(link.href);
  }, true);
}
