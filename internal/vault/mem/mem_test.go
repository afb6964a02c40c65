package mem_test

import (
	"testing"

	"github.com/rahatbackup/rahat/internal/vault"
	"github.com/rahatbackup/rahat/internal/vault/mem"
	"github.com/rahatbackup/rahat/internal/vault/vaulttest"
)

func TestConforms(t *testing.T) {
	vaulttest.Run(t, func(*testing.T) vault.Vault { return mem.New() })
}
