//go:build desktop

package main

import (
	"github.com/wailsapp/wails/v2/pkg/options/windows"

	"github.com/rahatbackup/rahat/internal/i18n"
)

// webView2Messages are what Wails says on a Windows without its WebView.
func webView2Messages(texts *i18n.Texts) *windows.Messages {
	return &windows.Messages{
		InstallationRequired: texts.T("window.webview2.install"),
		UpdateRequired:       texts.T("window.webview2.update"),
		MissingRequirements:  texts.T("window.webview2.missing"),
		Webview2NotInstalled: texts.T("window.webview2.absent"),
		Error:                texts.T("window.webview2.error"),
		FailedToInstall:      texts.T("window.webview2.failed"),
		DownloadPage:         texts.T("window.webview2.download"),
		PressOKToInstall:     texts.T("window.webview2.press_ok"),
		ContactAdmin:         texts.T("window.webview2.contact"),
		InvalidFixedWebview2: texts.T("window.webview2.invalid"),
		WebView2ProcessCrash: texts.T("window.webview2.crashed"),
	}
}
