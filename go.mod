module github.com/rahatbackup/rahat

go 1.26
