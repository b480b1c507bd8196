INSERT INTO r (name, food) VALUES ('Zizzi','Thai');
