CREATE ROLE zoo_owner CREATEDB;
CREATE ROLE zoo_reader NOINHERIT;
CREATE ROLE zoo_group;
GRANT zoo_group TO zoo_reader;
CREATE ROLE "Zoo ""Müşteri"" 'x'; $y$" LOGIN;
CREATE ROLE zoo_policy;
CREATE ROLE zoo_in_rows;
